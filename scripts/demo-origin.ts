/**
 * The server that the demo sells access to: an ordinary HTTP API that knows nothing of money.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Starts it on the loopback interface. Rejects with EADDRINUSE if the port is taken. */
export async function startDemoOrigin(port: number): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://origin");
  const sendJson = (status: number, body: object): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
  };
  switch (`${request.method === "HEAD" ? "GET" : request.method} ${url.pathname}`) {
    case "GET /v1/search":
      sendJson(200, { query: url.searchParams.get("q"), results: ["Darjeeling", "Assam", "Lapsang Souchong"] });
      return;
    case "GET /v1/status":
      sendJson(200, { status: "up" });
      return;
    case "POST /v1/reports":
      sendJson(201, { report: "ready" });
      return;
    case "GET /v1/slow":
      await sleep(Number(url.searchParams.get("ms") ?? 60_000));
      sendJson(200, { slept: true });
      return;
    case "GET /v1/fail":
      sendJson(500, { error: "the origin failed" });
      return;
    case "GET /v1/stream":
      await stream(response);
      return;
    case "POST /v1/echo":
      sendJson(200, {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: await readBody(request),
      });
      return;
    default:
      sendJson(404, { error: "no such thing" });
  }
}

/** Server-sent events, one a second. */
async function stream(response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (let n = 1; n <= 5 && !response.destroyed; n++) {
    response.write(`event: tick\ndata: ${n}\n\n`);
    await sleep(1000);
  }
  response.end();
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = "";
  request.setEncoding("utf8");
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** A real HTTP server behind the gate that remembers what reached it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Hit = {
  readonly method: string;
  /** As on the wire. */
  readonly url: string;
  /** Names in lower case, in order, as on the wire. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
};
export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export type RecordingOrigin = {
  readonly url: string;
  readonly port: number;
  readonly hits: Hit[];
  /** What it does with the next requests; `ok` unless a test says otherwise. */
  answer: Answer;
  close(): Promise<void>;
};

export const ok: Answer = (_request, response) => {
  response.writeHead(200, { "content-type": "text/plain" }).end("ok");
};

export function status(code: number, headers: Record<string, string> = {}, body = ""): Answer {
  return (_request, response) => {
    response.writeHead(code, headers).end(body);
  };
}

export async function startOrigin(port = 0): Promise<RecordingOrigin> {
  const hits: Hit[] = [];
  const server: Server = createServer({ rejectNonStandardBodyWrites: false }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    const headers: [string, string][] = [];
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      headers.push([String(request.rawHeaders[i]).toLowerCase(), String(request.rawHeaders[i + 1])]);
    }
    const body = { text: "" };
    hits.push({
      method: request.method ?? "",
      url: request.url ?? "",
      headers,
      get body() {
        return body.text;
      },
    });
    request.on("end", () => {
      body.text = Buffer.concat(chunks).toString();
    });
    Promise.resolve(origin.answer(request, response)).catch((error: unknown) => response.destroy(Object(error)));
  });
  await new Promise<void>((resolve) => {
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  const origin: RecordingOrigin = {
    url: `http://127.0.0.1:${actual}`,
    port: actual,
    hits,
    answer: ok,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return origin;
}

/** A header of a hit; undefined if it did not come, an error if it came twice. */
export function header(hit: Hit | undefined, name: string): string | undefined {
  const values = (hit?.headers ?? []).filter(([key]) => key === name).map(([, value]) => value);
  if (values.length > 1) throw new Error(`${name} came ${values.length} times`);
  return values[0];
}

/** An origin that answers with bytes no HTTP library would write, or hangs up without a word. */
import { createServer, type AddressInfo, type Socket } from "node:net";
import { ok, type Hit, type RecordingOrigin } from "./origin.ts";

export type RawOrigin = RecordingOrigin & {
  /** What it writes once a request's head has come; then it hangs up. */
  says: string;
};

export async function startRawOrigin(): Promise<RawOrigin> {
  const hits: Hit[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let head = "";
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      const [method = "", url = ""] = head.split(" ");
      hits.push({ method, url, headers: [], body: "" });
      head = "";
      socket.end(Buffer.from(origin.says, "latin1"));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const origin: RawOrigin = {
    url: `http://127.0.0.1:${port}`,
    port,
    hits,
    answer: ok,
    says: "",
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return origin;
}

/**
 * TCP between client and server that can be cut, as networks are.
 */

import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";

export class Wire {
  /** How many connections it has accepted. */
  connections = 0;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  /** @param address - Of the server: `host:port`. */
  constructor(address: string) {
    const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(address) ?? [];
    this.#server = createServer((client) => {
      this.connections += 1;
      const server = connect(Number(port), host);
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#open.add(from);
        from.on("error", () => undefined); // cut
        from.on("close", () => {
          this.#open.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  }

  /** Where the client finds it. */
  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    for (const socket of this.#open) {
      socket.resetAndDestroy();
    }
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}

/**
 * A gRPC server in this process that speaks the generated services, and can fail as real ones do.
 */

import { once } from "node:events";
import {
  type Http2SecureServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  constants,
  createSecureServer,
  createServer,
} from "node:http2";
import { type AddressInfo, type Socket } from "node:net";
import { type TestContext } from "node:test";

import { type MessageInitShape } from "@bufbuild/protobuf";
import { type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

import { type RunEventSchema } from "../src/gen/dalsegno/v1/event_pb.js";
import { type PayloadInit, encode } from "../src/payloads.js";
import { RunService } from "../src/gen/dalsegno/v1/run_service_pb.js";
import { WorkflowService } from "../src/gen/dalsegno/v1/workflow_service_pb.js";
import { type ConnectOptions, type DalsegnoClient, connect } from "../src/index.js";

export type Runs = Partial<ServiceImpl<typeof RunService>>;
export type Workflows = Partial<ServiceImpl<typeof WorkflowService>>;
export type EventInit = MessageInitShape<typeof RunEventSchema>;

/** Patience that ends within a test. */
export const PATIENCE = {
  connectMs: 2_000,
  giveUpMs: 2_000,
  delayMs: 2,
  delayMaxMs: 20,
  silenceMs: 60_000,
};

/** What a server has beside runs. */
export interface TestServerOptions {
  workflows?: Workflows;
  /** Key and certificate. Default: no TLS. */
  pem?: { key: string; cert: string };
}

export class TestServer {
  /** How many of the next calls are refused with NGHTTP2_REFUSED_STREAM. */
  refusals = 0;
  /** How many connections it has accepted. */
  connections = 0;
  readonly #server: Http2Server | Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor(runs: Runs, { workflows = {}, pem }: TestServerOptions = {}) {
    const answer = connectNodeAdapter({
      connect: false,
      grpcWeb: false,
      routes: (router) => router.service(RunService, runs).service(WorkflowService, workflows),
    });
    const listener = (request: Http2ServerRequest, response: Http2ServerResponse) => {
      if (this.refusals > 0) {
        this.refusals -= 1;
        response.stream.close(constants.NGHTTP2_REFUSED_STREAM);
      } else {
        answer(request, response);
      }
    };
    this.#server = pem ? createSecureServer(pem, listener) : createServer(listener);
    this.#server.on("session", (session) => {
      this.connections += 1;
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
      session.on("error", () => undefined); // cut
    });
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Listen, after `stop` at the same address again. */
  async start(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Ask clients to connect anew, as a server does whose connections get too old. */
  rotate(): void {
    for (const session of this.#sessions) {
      session.goaway(constants.NGHTTP2_NO_ERROR);
    }
  }

  /** Reset every connection. */
  cut(): void {
    for (const socket of this.#sockets) {
      socket.resetAndDestroy();
    }
  }

  /** End as a server does that is killed. */
  async stop(): Promise<void> {
    if (this.#server.listening) {
      const closed = once(this.#server, "close");
      this.#server.close();
      this.cut();
      await closed;
    }
  }
}

/** A started server and a client of it, both of which end with the test. */
export async function serve(
  t: TestContext,
  runs: Runs,
  options: ConnectOptions & TestServerOptions = {},
): Promise<{ server: TestServer; client: DalsegnoClient }> {
  const server = new TestServer(runs, options);
  await server.start();
  const client = connect(server.address, { patience: PATIENCE, ...options });
  t.after(async () => {
    client.close();
    await server.stop();
  });
  return { server, client };
}

/** A payload as a server sends it. */
export function json(value: unknown): PayloadInit {
  const payload = encode("test", value);
  if (payload === undefined) {
    throw new TypeError("undefined is no payload");
  }
  return payload;
}

/** A run's nth event: the first starts it, the last completes it with the number of events. */
export function event(sequence: number, last: number): EventInit {
  const head = { runId: "r-1", sequence: BigInt(sequence) };
  if (sequence === 1) {
    return { ...head, body: { case: "runStarted", value: { workflowId: "count" } } };
  }
  if (sequence === last) {
    return { ...head, body: { case: "runCompleted", value: { result: json(last) } } };
  }
  return {
    ...head,
    address: "tick",
    body: { case: "stepOutput", value: { data: json(sequence) } },
  };
}

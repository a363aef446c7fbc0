/**
 * One HTTP/2 session with its stubs.
 */

import { type Client, type Interceptor, createClient } from "@connectrpc/connect";
import { Http2SessionManager, createGrpcTransport } from "@connectrpc/connect-node";

import { type Endpoint } from "./endpoint.js";
import { RunService } from "./gen/dalsegno/v1/run_service_pb.js";
import { WorkflowService } from "./gen/dalsegno/v1/workflow_service_pb.js";

// A peer that vanished is noticed within 40 s. Servers allow a ping every 5 s, so 30 is polite.
const KEEPALIVE = { pingIntervalMs: 30_000, pingTimeoutMs: 10_000 };

/** Connects when the first call is made, and again when the session is lost or rotated. */
export class Line {
  readonly runs: Client<typeof RunService>;
  readonly workflows: Client<typeof WorkflowService>;
  readonly #sessions: Http2SessionManager;
  #streams = 0;
  #isRetired = false;

  constructor({ url, session, token }: Endpoint) {
    this.#sessions = new Http2SessionManager(url, KEEPALIVE, session);
    const interceptors = [metadata(token)];
    const options = { baseUrl: url, sessionManager: this.#sessions, interceptors };
    const transport = createGrpcTransport(options);
    this.runs = createClient(RunService, transport);
    this.workflows = createClient(WorkflowService, transport);
  }

  /** A stream begins to use the line. */
  enter(): void {
    this.#streams += 1;
  }

  /** A stream is done with it. */
  leave(): void {
    this.#streams -= 1;
    this.#closeIfUnused();
  }

  /** Close as soon as no stream uses it. */
  retire(): void {
    this.#isRetired = true;
    this.#closeIfUnused();
  }

  /** End the session and every call on it. */
  close(): void {
    this.#sessions.abort();
  }

  #closeIfUnused(): void {
    if (this.#isRetired && this.#streams === 0) {
      this.close();
    }
  }
}

function metadata(token: Endpoint["token"]): Interceptor {
  return (next) => async (request) => {
    request.header.set("dalsegno-payload-form", "json");
    if (token !== undefined) {
      const text = typeof token === "string" ? token : await token();
      request.header.set("authorization", `Bearer ${text}`);
    }
    return next(request);
  };
}

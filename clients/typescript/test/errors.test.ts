import assert from "node:assert/strict";
import { test } from "node:test";

import { Code, ConnectError } from "@connectrpc/connect";

import { type ErrorCode } from "../src/errors.js";
import { fromRpc } from "../src/errors.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../src/gen/google/rpc/error_details_pb.js";
import { DalsegnoError } from "../src/index.js";
import { serve } from "./server.js";

type Details = ConstructorParameters<typeof ConnectError>[3];

async function refused(
  t: Parameters<typeof serve>[0],
  code: Code,
  details: Details,
): Promise<DalsegnoError> {
  const { client } = await serve(
    t,
    {
      getRun: () => {
        throw new ConnectError("what happened", code, undefined, details);
      },
    },
    { patience: { connectMs: 0, giveUpMs: 0 } },
  );
  const error: unknown = await client.getRun("r-1").catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DalsegnoError);
  assert.equal(error.message, "what happened");
  return error;
}

await test("a refusal has its reason, facts and fields", async (t) => {
  const error = await refused(t, Code.InvalidArgument, [
    {
      desc: ErrorInfoSchema,
      value: {
        reason: "INVALID_INPUT",
        domain: "dalsegno.dev",
        metadata: { field: "input_data" },
      },
    },
    {
      desc: BadRequestSchema,
      value: { fieldViolations: [{ field: "input_data", description: "too short" }] },
    },
  ]);

  assert.equal(error.reason, "INVALID_INPUT");
  assert.equal(error.code, "INVALID_ARGUMENT");
  assert.deepEqual(error.metadata, { field: "input_data" });
  assert.deepEqual(error.violations, [{ field: "input_data", description: "too short" }]);
  assert.equal(error.retryDelayMs, 0);
});

await test("a reason of a newer server is kept, with the code that is known", async (t) => {
  const value = { reason: "MOON_IN_THE_WRONG_PHASE" };
  const error = await refused(t, Code.FailedPrecondition, [{ desc: ErrorInfoSchema, value }]);

  assert.equal(error.reason, "MOON_IN_THE_WRONG_PHASE");
  assert.equal(error.code, "FAILED_PRECONDITION");
});

await test("a refusal without details has a code", async (t) => {
  const error = await refused(t, Code.Unimplemented, []);

  assert.equal(error.reason, "");
  assert.equal(error.code, "UNIMPLEMENTED");
});

await test("the delay that a server asks for is told", async (t) => {
  const value = { retryDelay: { seconds: 1n, nanos: 500_000_000 } };
  const error = await refused(t, Code.Unavailable, [{ desc: RetryInfoSchema, value }]);

  assert.equal(error.retryDelayMs, 1500);
});

await test("a connection that fails is UNAVAILABLE, whatever Connect calls it", () => {
  const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  const lost = [
    new ConnectError("Stream closed with error code NGHTTP2_REFUSED_STREAM", Code.Internal),
    new ConnectError("read ECONNRESET", Code.Aborted),
    new ConnectError("http/2 stream closed with error code INTERNAL_ERROR (0x2)", Code.Internal),
    new ConnectError("protocol error: missing status", Code.Internal),
    new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument),
    new ConnectError("protocol error: promised 9 bytes, received 4", Code.InvalidArgument),
    new ConnectError("PING timed out", Code.Unavailable),
  ];
  (lost[0] as Error).cause = Object.assign(reset, { code: "ERR_HTTP2_STREAM_ERROR" });
  for (const failure of lost) {
    assert.equal((fromRpc(failure) as DalsegnoError).code, "UNAVAILABLE", failure.message);
  }
});

await test("what only this side can have done wrong is not taken for a lost connection", () => {
  const codes: [ConnectError, ErrorCode][] = [
    [new ConnectError("parse binary: illegal tag", Code.Internal), "INTERNAL"],
    [new ConnectError("the operation timed out", Code.DeadlineExceeded), "DEADLINE_EXCEEDED"],
    [new ConnectError("HTTP 401", Code.Unauthenticated), "UNAUTHENTICATED"],
    [new ConnectError("unsupported content type text/html", Code.Unknown), "UNKNOWN"],
  ];
  for (const [failure, code] of codes) {
    assert.equal((fromRpc(failure) as DalsegnoError).code, code);
  }
  const bug = new TypeError("bug");
  assert.equal(fromRpc(bug), bug);
});

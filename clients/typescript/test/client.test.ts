import assert from "node:assert/strict";
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";

import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";

import { RunStatus } from "../src/gen/dalsegno/v1/run_pb.js";
import { type RunRequest } from "../src/gen/dalsegno/v1/run_service_pb.js";
import { ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { DalsegnoError } from "../src/index.js";
import { json, serve } from "./server.js";

const DONE = { runId: "r-1", status: RunStatus.SUCCESS };

async function never(_: unknown, context: HandlerContext): Promise<never> {
  await once(context.signal, "abort");
  throw new ConnectError("left", Code.Canceled);
}

function refusal(code: Code, reason: string): ConnectError {
  return new ConnectError("no", code, undefined, [{ desc: ErrorInfoSchema, value: { reason } }]);
}

await test("payloads are exact in both directions", async (t) => {
  const asked: RunRequest[] = [];
  const { client } = await serve(t, {
    run: (request) => {
      asked.push(request);
      const result = request.inputData;
      return { run: { ...DONE, ...(result && { result }) } };
    },
  });
  const inputData = { id: 9007199254740993n, list: [null, 1.5, true, "é"] };

  const run = await client.run<typeof inputData>("echo", { inputData, requestContext: {} });

  assert.deepEqual(run.result, inputData);
  assert.equal(run.status, "success");
  const text = Buffer.from(asked[0]?.inputData?.form.value as Uint8Array).toString();
  assert.equal(text, '{"id":9007199254740993,"list":[null,1.5,true,"é"]}');
  assert.equal(asked[0]?.initialState, undefined);
});

await test("null is a payload, undefined is none", async (t) => {
  const given: boolean[] = [];
  const { client } = await serve(t, {
    resume: ({ resumeData }) => {
      given.push(resumeData !== undefined);
      return { run: { ...DONE, result: json(null) } };
    },
  });

  const run = await client.resume("r-1", { resumeData: null });
  await client.resume("r-1");

  assert.deepEqual(given, [true, false]);
  assert.equal(run.result, null);
  assert.equal(run.state, undefined);
});

await test("a payload that is no JSON is refused before anything is sent", async (t) => {
  const { client, server } = await serve(t, {});

  await assert.rejects(client.run("echo", { inputData: { at: new Date() } }), {
    name: "PayloadError",
    message: "inputData: $.at: Date is not JSON",
  });
  assert.equal(server.connections, 0);
});

await test("an answer in readable form is refused, as its numbers may be rounded", async (t) => {
  const value = { kind: { case: "numberValue" as const, value: 1 } };
  const { client } = await serve(t, {
    getRun: () => ({ run: { ...DONE, result: { form: { case: "value", value } } } }),
  });

  await assert.rejects(client.getRun("r-1"), { name: "PayloadError" });
});

await test("every call asks for exact payloads, and brings the token of the moment", async (t) => {
  const seen: (string | null)[][] = [];
  const note = (_: unknown, { requestHeader }: HandlerContext) => {
    seen.push([requestHeader.get("dalsegno-payload-form"), requestHeader.get("authorization")]);
    return { run: DONE };
  };
  let tokens = 0;
  const token = () => Promise.resolve(`t-${++tokens}`);
  const watchRun = async function* (request: unknown, context: HandlerContext) {
    note(request, context);
    await setImmediate();
    yield* [];
  };
  const { client } = await serve(t, { getRun: note, run: note, watchRun }, { token });

  await client.getRun("r-1");
  await client.run("echo");
  for await (const event of client.watchRun("r-1")) {
    assert.fail(event.type);
  }

  assert.deepEqual(seen, [
    ["json", "Bearer t-1"],
    ["json", "Bearer t-2"],
    ["json", "Bearer t-3"],
  ]);
});

await test("a call is repeated under its request id while the server is away", async (t) => {
  const ids: string[] = [];
  const { client, server } = await serve(t, {
    run: ({ requestId }) => {
      ids.push(requestId);
      if (ids.length === 2) {
        throw new ConnectError("stopping", Code.Unavailable);
      }
      if (ids.length === 1) {
        server.cut();
      }
      return { run: DONE };
    },
  });
  server.refusals = 1;

  await client.run("echo");
  await client.run("echo");
  await client.run("echo", { requestId: "mine" });

  const [first, second, third, ...others] = ids;
  assert.match(first ?? "", /^[0-9a-f-]{36}$/);
  assert.equal(second, first);
  assert.equal(third, first);
  assert.equal(others.length, 2);
  assert.notEqual(others[0], first);
  assert.equal(others[1], "mine");
});

await test("a call survives a server that is killed and comes back", async (t) => {
  let calls = 0;
  const { client, server } = await serve(t, {
    waitRun: async (request, context) => {
      calls += 1;
      return calls === 1 ? never(request, context) : { run: DONE };
    },
    getRun: () => ({ run: DONE }),
  });

  const waiting = client.waitRun("r-1");
  await client.getRun("r-1");
  await server.stop();
  await server.start();

  assert.equal((await waiting).runId, "r-1");
});

await test("patience with a server that was never there is short", async () => {
  const { connect } = await import("../src/index.js");
  const client = connect("127.0.0.1:1", { patience: { connectMs: 0 } });

  await assert.rejects(client.getRun("r-1"), { name: "DalsegnoError", code: "UNAVAILABLE" });
});

await test("a refusal is not repeated", async (t) => {
  let calls = 0;
  const { client } = await serve(t, {
    getRun: () => {
      calls += 1;
      throw refusal(Code.NotFound, "RUN_NOT_FOUND");
    },
  });

  await assert.rejects(client.getRun("r-1"), { reason: "RUN_NOT_FOUND", code: "NOT_FOUND" });
  assert.equal(calls, 1);
});

await test("a deadline ends the call", async (t) => {
  const { client } = await serve(t, { waitRun: never, getRun: never }, { timeoutMs: 30 });

  await assert.rejects(client.waitRun("r-1", { timeoutMs: 30.5 }), { code: "DEADLINE_EXCEEDED" });
  await assert.rejects(client.getRun("r-1"), { code: "DEADLINE_EXCEEDED" });
});

await test("an aborted signal ends the call with the signal's reason", async (t) => {
  const { client } = await serve(t, { waitRun: never });
  const reason = new Error("enough");
  const controller = new AbortController();

  const waiting = client.waitRun("r-1", { signal: controller.signal });
  controller.abort(reason);

  await assert.rejects(waiting, reason);
  await assert.rejects(client.waitRun("r-1", { signal: AbortSignal.timeout(20) }), {
    name: "TimeoutError",
  });
  await assert.rejects(client.waitRun("r-1", { signal: AbortSignal.abort(reason) }), reason);
});

await test("a closed client ends its calls and makes no more", async (t) => {
  const { client } = await serve(t, { waitRun: never, getRun: () => ({ run: DONE }) });

  const waiting = client.waitRun("r-1");
  await client.getRun("r-1");
  client.close();

  await assert.rejects(waiting, { code: "UNAVAILABLE", message: "the client was closed" });
  await assert.rejects(client.getRun("r-1"), { message: "the client was closed" });
});

await test("lists ask for pages as the loop gets to them", async (t) => {
  const tokens: string[] = [];
  const { client } = await serve(t, {
    listRuns: ({ pageToken, statuses }) => {
      tokens.push(pageToken);
      assert.deepEqual(statuses, [RunStatus.SUCCESS]);
      const runs = [{ runId: `a${pageToken}` }, { runId: `b${pageToken}` }];
      return { runs, nextPageToken: `${pageToken}+` };
    },
  });
  const ids: string[] = [];

  for await (const run of client.listRuns({ statuses: ["success"], pageSize: 2 })) {
    ids.push(run.runId);
    if (ids.length === 3) {
      break;
    }
  }

  assert.deepEqual(ids, ["a", "b", "a+"]);
  assert.deepEqual(tokens, ["", "+"]);
});

await test("a deletion whose answer got lost has succeeded, a first refusal stands", async (t) => {
  let calls = 0;
  const { client, server } = await serve(t, {
    deleteRun: () => {
      calls += 1;
      if (calls === 1) {
        server.cut();
        return {};
      }
      throw refusal(Code.NotFound, "RUN_NOT_FOUND");
    },
  });

  await client.deleteRun("r-1");
  assert.equal(calls, 2);
  await assert.rejects(client.deleteRun("r-1"), { reason: "RUN_NOT_FOUND" });
});

await test("a restart whose answer got lost waits for the run", async (t) => {
  let calls = 0;
  const { client, server } = await serve(t, {
    restart: () => {
      calls += 1;
      if (calls === 1) {
        server.cut();
        return { run: DONE };
      }
      throw refusal(Code.FailedPrecondition, "RUN_ACTIVE");
    },
    waitRun: () => ({ run: { ...DONE, workflowId: "waited" } }),
  });

  assert.equal((await client.restart("r-1")).workflowId, "waited");
  await assert.rejects(client.restart("r-1"), DalsegnoError);
});

await test("a time travel sends what was given, by the names of the protos", async (t) => {
  const { client } = await serve(t, {
    timeTravel: (request) => {
      assert.equal(request.runId, "r-1");
      assert.equal(request.step, "charge");
      assert.equal(request.newRunId, "r-2");
      assert.ok(request.perStep && request.force && request.allowDefinitionChange);
      assert.deepEqual(Object.keys(request.context), ["price"]);
      assert.notEqual(request.context["price"]?.output, undefined);
      assert.equal(request.context["price"]?.payload, undefined);
      assert.equal(request.output?.includeState, true);
      return { run: DONE };
    },
  });

  await client.timeTravel("r-1", "charge", {
    newRunId: "r-2",
    perStep: true,
    force: true,
    allowDefinitionChange: true,
    context: { price: { output: 0 } },
    output: { includeState: true },
  });
});

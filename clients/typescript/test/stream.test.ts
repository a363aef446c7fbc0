import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";

import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";

import { type WatchRunRequest } from "../src/gen/dalsegno/v1/run_service_pb.js";
import { type EventStream, connect } from "../src/index.js";
import { type EventInit, PATIENCE, type TestServer, event, serve } from "./server.js";

type Answers = AsyncGenerator<{ event: EventInit }>;
/** What a server does before it sends an event; a throw ends the stream there. */
type Fault = (sequence: number, context: HandlerContext) => unknown;

const LAST = 9;

/** A server's log of one run of LAST events, which it tells from any sequence on. */
async function* tell(after: number, context: HandlerContext, fault?: Fault): Answers {
  for (let sequence = after + 1; sequence <= LAST; sequence += 1) {
    await fault?.(sequence, context);
    await setImmediate();
    yield { event: event(sequence, LAST) };
  }
}

/** Watched runs, with a fault for each connection; those after the last are well. */
function watched(...faults: Fault[]) {
  const asked: number[] = [];
  const watchRun = (request: WatchRunRequest, context: HandlerContext) => {
    asked.push(Number(request.afterSequence));
    return tell(Number(request.afterSequence), context, faults[asked.length - 1]);
  };
  return { asked, watchRun };
}

async function sequences(stream: EventStream): Promise<number[]> {
  const seen: number[] = [];
  for await (const { sequence } of stream) {
    seen.push(sequence);
  }
  return seen;
}

const ALL = Array.from({ length: LAST }, (_, i) => i + 1);

function at(sequence: number, fault: (context: HandlerContext) => unknown): Fault {
  return (now, context) => (now === sequence ? fault(context) : undefined);
}

function throws(code: Code): () => never {
  return () => {
    throw new ConnectError("gone", code);
  };
}

async function silence({ signal }: HandlerContext): Promise<never> {
  await once(signal, "abort");
  throw new ConnectError("left", Code.Canceled);
}

await test("a stream goes on after its last event when the server ends it too early", async (t) => {
  const { asked, watchRun } = watched(
    at(3, throws(Code.Unavailable)),
    at(3, throws(Code.Canceled)),
    at(6, throws(Code.Unavailable)),
  );
  const { client } = await serve(t, { watchRun });

  assert.deepEqual(await sequences(client.watchRun("r-1")), ALL);
  assert.deepEqual(asked, [0, 2, 2, 5]);
});

await test("a stream goes on when its connection is reset", async (t) => {
  const network: { server?: TestServer } = {};
  const cut = async () => {
    network.server?.cut();
    await setImmediate();
  };
  const { asked, watchRun } = watched(at(2, cut), at(8, cut));
  const { client, server } = await serve(t, { watchRun });
  network.server = server;

  assert.deepEqual(await sequences(client.watchRun("r-1")), ALL);
  assert.equal(asked.length, 3);
});

await test("a stream goes on when the server was killed and comes back", async (t) => {
  const { watchRun } = watched(at(5, silence));
  const { client, server } = await serve(t, { watchRun });
  const seen: number[] = [];

  for await (const { sequence } of client.watchRun("r-1")) {
    seen.push(sequence);
    if (sequence === 4) {
      await server.stop();
      await server.start();
    }
  }

  assert.deepEqual(seen, ALL);
  assert.equal(server.connections, 2);
});

await test("a rotated connection ends no stream, and refused ones are asked for again", async (t) => {
  const network: { server?: TestServer } = {};
  const rotate = () => network.server?.rotate();
  const { asked, watchRun } = watched(at(4, rotate));
  const { client, server } = await serve(t, { watchRun });
  network.server = server;

  assert.deepEqual(await sequences(client.watchRun("r-1")), ALL);
  assert.deepEqual(asked, [0]);
  server.refusals = 2;
  assert.deepEqual(await sequences(client.watchRun("r-1")), ALL);
  assert.deepEqual(asked, [0, 0]);
  assert.equal(server.connections, 2);
});

await test("a silent stream moves to another connection, and leaves others where they are", async (t) => {
  const moved = new EventEmitter();
  const asked: string[] = [];
  const { client, server } = await serve(
    t,
    {
      watchRun: ({ runId, afterSequence }, context) => {
        asked.push(`${runId} after ${afterSequence}`);
        const waits = runId === "well" ? at(2, () => once(moved, "moved")) : at(3, silence);
        const isFirst = asked.length <= 2;
        return tell(Number(afterSequence), context, isFirst ? waits : undefined);
      },
    },
    { patience: { ...PATIENCE, silenceMs: 300 } },
  );
  const seen: number[] = [];

  for await (const { sequence } of client.watchRun("well")) {
    seen.push(sequence);
    if (sequence === 1) {
      assert.deepEqual(await sequences(client.watchRun("silent")), ALL);
      moved.emit("moved");
    }
  }

  assert.deepEqual(seen, ALL);
  assert.deepEqual(asked, ["well after 0", "silent after 0", "r-1 after 2"]);
  assert.equal(server.connections, 2);
});

await test("heartbeats are no events, and keep a stream from being taken for dead", async (t) => {
  const heartbeat = { event: { body: { case: "heartbeat", value: {} } } } as const;
  const { client, server } = await serve(
    t,
    {
      watchRun: async function* () {
        yield { event: event(1, 2) };
        for (let i = 0; i < 12; i += 1) {
          await new Promise((resolve) => setTimeout(resolve, 40));
          yield heartbeat;
        }
        yield { event: event(2, 2) };
      },
    },
    { patience: { ...PATIENCE, silenceMs: 400 } },
  );

  assert.deepEqual(await sequences(client.watchRun("r-1")), [1, 2]);
  assert.equal(server.connections, 1);
});

await test("leaving the loop cancels the call, and another loop goes on there", async (t) => {
  const left = new EventEmitter();
  const { asked, watchRun } = watched(
    at(4, async (context) => {
      await once(context.signal, "abort");
      left.emit("left");
    }),
  );
  const { client } = await serve(t, { watchRun });
  const stream = client.watchRun("r-1");
  const canceled = once(left, "left");

  for await (const { sequence } of stream) {
    if (sequence === 3) {
      break;
    }
  }
  await canceled;

  assert.equal(stream.lastSequence, 3);
  assert.deepEqual(await sequences(stream), ALL.slice(3));
  assert.deepEqual(asked, [0, 3]);
});

await test("an exception in the loop cancels the call", async (t) => {
  const left = new EventEmitter();
  const { watchRun } = watched(
    at(2, async (context) => {
      await once(context.signal, "abort");
      left.emit("left");
    }),
  );
  const { client } = await serve(t, { watchRun });
  const canceled = once(left, "left");

  const looking = (async () => {
    for await (const { type } of client.watchRun("r-1")) {
      throw new Error(type);
    }
  })();

  await assert.rejects(looking, { message: "run_started" });
  await canceled;
});

await test("an aborted signal, close and a closed client end a stream that waits", async (t) => {
  const { watchRun } = watched(at(2, silence), at(2, silence), at(2, silence));
  const { client } = await serve(t, { watchRun });
  const controller = new AbortController();

  const aborted = client.watchRun("r-1", { signal: controller.signal })[Symbol.asyncIterator]();
  await aborted.next();
  const waited = aborted.next();
  controller.abort(new Error("enough"));
  await assert.rejects(waited, { message: "enough" });

  const stream = client.watchRun("r-1");
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  const next = iterator.next();
  stream.close();
  assert.equal((await next).done, true);

  const waiting = sequences(client.watchRun("r-1"));
  client.close();
  await assert.rejects(waiting, { message: "the client was closed" });
});

await test("a run is asked for under one request id, and watched after its first event", async (t) => {
  const ids: string[] = [];
  const { asked, watchRun } = watched();
  const { client } = await serve(t, {
    runStream: async function* ({ requestId, follow }, context) {
      ids.push(requestId);
      assert.equal(follow, false);
      yield* tell(0, context, at(ids.length === 1 ? 1 : 4, throws(Code.Unavailable)));
    },
    watchRun,
  });
  const stream = client.runStream("count", { inputData: null });

  assert.equal(stream.runId, undefined);
  assert.deepEqual(await sequences(stream), ALL);
  assert.equal(stream.runId, "r-1");
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1]);
  assert.deepEqual(asked, [3]);
});

await test("a resumption begins at whatever event the server begins with", async (t) => {
  const { asked, watchRun } = watched();
  const { client } = await serve(t, {
    resumeStream: async function* (_, context) {
      yield { event: { body: { case: "heartbeat", value: {} } } };
      yield* tell(4, context, at(7, throws(Code.Unavailable)));
    },
    watchRun,
  });

  assert.deepEqual(await sequences(client.resumeStream("r-1")), [5, 6, 7, 8, 9]);
  assert.deepEqual(asked, [6]);
});

await test("a replay is watched under its own name", async (t) => {
  const watchedRuns: string[] = [];
  const { client } = await serve(t, {
    timeTravelStream: (_, context) => tell(0, context, at(2, throws(Code.Unavailable))),
    watchRun: ({ runId, afterSequence }, context) => {
      watchedRuns.push(runId);
      return tell(Number(afterSequence), context);
    },
  });

  assert.deepEqual(await sequences(client.timeTravelStream("source", "tick")), ALL);
  assert.deepEqual(watchedRuns, ["r-1"]);
});

function suspended(sequence: number): EventInit {
  const value = { addresses: ["ask"] };
  return { runId: "r-1", sequence: BigInt(sequence), body: { case: "runSuspended", value } };
}

await test("a run that is at rest ends its stream, also if the end of the call is lost", async (t) => {
  const { client } = await serve(t, {
    runStream: async function* () {
      yield { event: event(1, LAST) };
      yield { event: suspended(2) };
      await setImmediate();
      throw new ConnectError("gone", Code.Unavailable);
    },
  });

  assert.deepEqual(await sequences(client.runStream("count")), [1, 2]);
});

await test("what others do to a run at rest is not part of its stream, unless it follows", async (t) => {
  const runStream = async function* (): Answers {
    yield { event: suspended(1) };
    await setImmediate();
    yield { event: event(2, 2) };
  };
  const { client } = await serve(t, { runStream });

  assert.deepEqual(await sequences(client.runStream("count")), [1]);
  assert.deepEqual(await sequences(client.runStream("count", { follow: true })), [1, 2]);
});

await test("events that were told before are dropped, a gap is an error", async (t) => {
  const { client } = await serve(t, {
    watchRun: async function* ({ runId }) {
      for (const sequence of runId === "twice" ? [1, 1, 2, 1, 3] : [1, 3]) {
        await setImmediate();
        yield { event: event(sequence, 3) };
      }
    },
  });

  assert.deepEqual(await sequences(client.watchRun("twice")), [1, 2, 3]);
  await assert.rejects(sequences(client.watchRun("gap")), {
    reason: "EVENT_GAP",
    code: "DATA_LOSS",
  });
});

await test("a refusal is thrown, and nothing is asked for again", async (t) => {
  const { asked, watchRun } = watched(at(1, throws(Code.NotFound)));
  const { client } = await serve(t, { watchRun });

  await assert.rejects(sequences(client.watchRun("r-1")), { code: "NOT_FOUND" });
  assert.deepEqual(asked, [0]);
});

await test("patience ends, and the stream can be iterated again after that", async (t) => {
  const { asked, watchRun } = watched(at(3, silence));
  const { client, server } = await serve(
    t,
    { watchRun },
    { patience: { ...PATIENCE, giveUpMs: 50 } },
  );
  const stream = client.watchRun("r-1");
  const seen: number[] = [];

  const looking = (async () => {
    for await (const { sequence } of stream) {
      seen.push(sequence);
      if (sequence === 2) {
        await server.stop();
      }
    }
  })();
  await assert.rejects(looking, { code: "UNAVAILABLE" });
  await server.start();
  seen.push(...(await sequences(stream)));

  assert.deepEqual(seen, ALL);
  assert.deepEqual(asked, [0, 2]);
});

await test("patience begins anew with every event", async (t) => {
  const faults = ALL.map((sequence) => at(sequence, throws(Code.Unavailable)));
  const { asked, watchRun } = watched(...faults);
  // The longest delays there can be; with those of nine faults in a row it would give up.
  t.mock.method(Math, "random", () => 1);
  const patience = { ...PATIENCE, delayMaxMs: 10_000, giveUpMs: 500 };
  const { client } = await serve(t, { watchRun }, { patience });

  assert.deepEqual(await sequences(client.watchRun("r-1")), ALL);
  assert.equal(asked.length, LAST + 1);
});

await test("streams have a connection of their own", async (t) => {
  const { watchRun } = watched(at(2, silence));
  const { client, server } = await serve(t, { watchRun, getRun: () => ({ run: {} }) });

  for await (const { runId } of client.watchRun("r-1")) {
    await client.getRun(runId);
    break;
  }

  assert.equal(server.connections, 2);
});

await test("a stream waits for a server that is not there yet", async (t) => {
  const { watchRun } = watched();
  const { server } = await serve(t, { watchRun });
  await server.stop();
  const client = connect(server.address, { patience: PATIENCE });
  t.after(() => {
    client.close();
  });

  const looking = sequences(client.watchRun("r-1"));
  await setImmediate();
  await server.start();

  assert.deepEqual(await looking, ALL);
});

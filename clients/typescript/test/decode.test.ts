import assert from "node:assert/strict";
import { test } from "node:test";

import { type MessageInitShape, create, fromBinary, toBinary } from "@bufbuild/protobuf";

import { decodeEvent } from "../src/decode-event.js";
import * as decode from "../src/decode.js";
import { type RunEvent, RunEventSchema } from "../src/gen/dalsegno/v1/event_pb.js";
import {
  NodeKind,
  NodeKindSchema,
  RunSchema,
  RunStatus,
  RunStatusSchema,
  StepRecordSchema,
  StepStatus,
  StepStatusSchema,
} from "../src/gen/dalsegno/v1/run_pb.js";
import * as model from "../src/index.js";
import { json } from "./server.js";

const BODY = RunEventSchema.oneofs.find((oneof) => oneof.name === "body");

await test("every kind of event of the protos is told by its name", () => {
  assert.ok(BODY);
  for (const field of BODY.fields) {
    const body = { case: field.localName, value: {} } as RunEvent["body"];
    const message = create(RunEventSchema, { sequence: 1n, body });

    const expected = field.name === "heartbeat" ? "unknown" : field.name;
    assert.equal(decodeEvent(message).type, expected);
  }
});

await test("every property of every event is one of its message, and has its payloads", () => {
  assert.ok(BODY);
  for (const field of BODY.fields) {
    const message = create(field.message as typeof RunEventSchema) as Record<string, unknown>;
    const payloads = field.message?.fields.filter(
      (inner) => inner.message?.typeName === "dalsegno.v1.Payload",
    );
    for (const { localName } of payloads ?? []) {
      message[localName] = json({ huge: 2n ** 64n });
    }
    const body = { case: field.localName, value: message } as RunEvent["body"];

    const event = decodeEvent(create(RunEventSchema, { runId: "r-1", sequence: 1n, body }));

    const head = ["type", "runId", "sequence", "time", "address"];
    const names = Object.keys(event).filter((name) => !head.includes(name));
    const fields = field.name === "heartbeat" ? [] : field.message?.fields;
    assert.deepEqual(names.sort(), fields?.map(({ localName }) => localName).sort());
    for (const { localName } of payloads ?? []) {
      assert.deepEqual((event as unknown as Record<string, unknown>)[localName], {
        huge: 2n ** 64n,
      });
    }
  }
});

await test("a kind of event that only a newer server has breaks nothing", () => {
  const newer = { no: 99, wireType: 2, data: Uint8Array.of(0) };
  const bytes = toBinary(
    RunEventSchema,
    create(RunEventSchema, { runId: "r-1", sequence: 7n, $unknown: [newer] }),
  );

  const event = decodeEvent(fromBinary(RunEventSchema, bytes));

  assert.equal(event.type, "unknown");
  assert.equal(event.sequence, 7);
  assert.equal(model.restsRun(event), false);
});

function run(init: MessageInitShape<typeof RunSchema>): model.Run {
  return decode.run(create(RunSchema, init));
}

await test("every status and kind has the name of the protos, a newer one is unknown", () => {
  for (const { name, number } of RunStatusSchema.values) {
    const word = name.replace("RUN_STATUS_", "").toLowerCase();
    const { status } = run({ status: number as RunStatus });
    assert.equal(status, word === "unspecified" ? "unknown" : word);
  }
  const words = (step: model.Step) => [step.status, step.kind];
  for (const { number } of [...StepStatusSchema.values, ...NodeKindSchema.values]) {
    const record = { status: number as StepStatus, kind: number as NodeKind };
    const [status, kind] = words(decode.step(create(StepRecordSchema, record)));
    assert.equal(
      status,
      (StepStatus[number] ?? "unknown").toLowerCase().replace(/unsp.*/, "unknown"),
    );
    assert.equal(kind, (NodeKind[number] ?? "unknown").toLowerCase().replace(/unsp.*/, "unknown"));
  }
  assert.equal(run({ status: 99 as RunStatus }).status, "unknown");
});

await test("what is absent is undefined, and a run has its steps in the order of execution", () => {
  const seconds = (value: number) => ({ seconds: BigInt(value), nanos: 0 });
  const own = { reusedFromRunId: "" };
  const { steps, ...rest } = run({
    status: RunStatus.FAILED,
    createTime: seconds(1),
    steps: {
      late: { address: "late", ...own, firstSequence: 9n, startTime: seconds(1) },
      early: { address: "early", ...own, firstSequence: 2n, startTime: seconds(5) },
      second: { address: "second", reusedFromRunId: "b", firstSequence: 1n, startTime: seconds(4) },
      first: { address: "first", reusedFromRunId: "a", firstSequence: 8n, startTime: seconds(3) },
      given: { address: "given", reusedFromRunId: "a", given: true },
    },
  });

  assert.deepEqual([...steps.keys()], ["given", "first", "second", "early", "late"]);
  assert.equal(steps.get("late")?.reusedFromRunId, undefined);
  assert.deepEqual(rest.createTime, new Date(1000));
  assert.equal(rest.result, undefined);
  assert.equal(rest.error, undefined);
  assert.equal(rest.lineage, undefined);
  assert.equal(rest.traceId, undefined);
});

await test("runs end, rest and go on as the semantics say", () => {
  const statuses = Object.keys(RunStatus).filter((name) => !/\d|UNSPECIFIED/.test(name));
  const words = statuses.map((name) => name.toLowerCase() as model.RunStatus);

  assert.deepEqual(words.filter(model.isTerminal), ["success", "failed", "canceled"]);
  assert.deepEqual(words.filter(model.isAtRest), [
    "suspended",
    "paused",
    "success",
    "failed",
    "canceled",
  ]);
});

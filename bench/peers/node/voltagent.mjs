/**
 * VoltAgent with LibSQL. The state of the whole run is written after each step, which is its
 * default. A time travel makes a new run.
 */

import assert from "node:assert/strict";
import { join } from "node:path";

import { Memory, createWorkflowChain } from "@voltagent/core";
import { LibSQLMemoryAdapter } from "@voltagent/libsql";
import { z } from "zod";

import { answerAll, pragmas, rotated, version } from "./service.mjs";

const database = join(process.argv[2], "voltagent.db");
const storage = new LibSQLMemoryAdapter({ url: `file:${database}` });
const memory = new Memory({ storage });
const number = z.object({ value: z.number() });
const words = z.object({ text: z.string() });
const made = new Map();

function workflow(kind, steps) {
  const id = `${kind}_${steps}`;
  if (!made.has(id)) made.set(id, kind === "numbers" ? sequence(id, steps, number, add) : sequence(id, steps, words, rotate));
  return made.get(id);
}

function sequence(id, steps, schema, execute) {
  let chain = createWorkflowChain({ id, name: id, input: schema, result: schema, memory });
  for (let index = 0; index < steps; index++) chain = chain.andThen({ id: `s${index}`, execute });
  return chain.toWorkflow();
}

const contender = {
  calls: 0,

  async run(steps, text) {
    const ended =
      text === undefined
        ? await workflow("numbers", steps).run({ value: 0 })
        : await workflow("texts", steps).run({ text });
    assert.equal(ended.status, "completed");
    assert.deepEqual(ended.result, text === undefined ? { value: steps } : { text: rotated(text, steps) });
    return ended.executionId;
  },

  async travel(runId, steps) {
    const options = { executionId: runId, stepId: `s${steps - 1}` };
    const ended = await workflow("numbers", steps).timeTravel(options);
    assert.equal(ended.status, "completed");
    assert.deepEqual(ended.result, { value: steps });
  },

  async look(runId) {
    return memory.getWorkflowState(runId);
  },

  place() {
    return { database, writer: process.pid };
  },

  async facts(connections) {
    return {
      version: `${version("@voltagent/core")}, libsql ${version("@voltagent/libsql")}`,
      settings: "Memory with LibSQLMemoryAdapter, a file; written after each step (default)",
      travel: "workflow.timeTravel; a new run",
      ...(await pragmas(storage.client, connections)),
    };
  },
};

const add = async ({ data }) => {
  contender.calls += 1;
  return { value: data.value + 1 };
};
const rotate = async ({ data }) => ({ text: rotated(data.text, 1) });

await answerAll(contender);

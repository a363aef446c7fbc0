/**
 * Mastra with LibSQL. A snapshot of the whole run is written after each step. A time travel is
 * `run.timeTravel` on the run that is to be seen again: it takes the place of what was recorded.
 *
 * Its connection does not sync its commits, so power loss may take steps that had ended; further
 * ones, opened when calls overlap, may. With the argument "full" all of them do.
 */

import assert from "node:assert/strict";
import { join } from "node:path";

import { Mastra } from "@mastra/core";
import { createStep, createWorkflow } from "@mastra/core/workflows";
import { LibSQLStore } from "@mastra/libsql";
import { z } from "zod";

import { answerAll, pragmas, rotated, syncAlways, version } from "./service.mjs";

const LENGTHS = [10, 100, 1000];
const TEXT_STEPS = 100;

const database = join(process.argv.at(-1), "mastra.db");
const isFull = process.argv.includes("full");
const storage = new LibSQLStore({ id: "bench", url: `file:${database}` });
const number = z.object({ value: z.number() });
const words = z.object({ text: z.string() });

function sequence(id, steps, schema, execute) {
  let workflow = createWorkflow({ id, inputSchema: schema, outputSchema: schema });
  for (let index = 0; index < steps; index++) {
    workflow = workflow.then(
      createStep({ id: `s${index}`, inputSchema: schema, outputSchema: schema, execute }),
    );
  }
  return workflow.commit();
}

const contender = {
  calls: 0,

  async run(steps, text) {
    const workflow = mastra.getWorkflow(`${text === undefined ? "numbers" : "texts"}_${steps}`);
    const run = await workflow.createRun();
    const inputData = text === undefined ? { value: 0 } : { text };
    const ended = await run.start({ inputData });
    assert.equal(ended.status, "success");
    assert.deepEqual(ended.result, text === undefined ? { value: steps } : { text: rotated(text, steps) });
    return run.runId;
  },

  async travel(runId, steps) {
    const run = await mastra.getWorkflow(`numbers_${steps}`).createRun({ runId });
    const ended = await run.timeTravel({ step: `s${steps - 1}` });
    assert.equal(ended.status, "success");
    assert.deepEqual(ended.result, { value: steps });
  },

  async look(runId, steps) {
    const workflows = await storage.getStore("workflows");
    const workflowName = `numbers_${steps}`;
    const { context } = await workflows.loadWorkflowSnapshot({ workflowName, runId });
    return context;
  },

  place() {
    return { database, writer: process.pid };
  },

  async facts(connections) {
    return {
      version: `${version("@mastra/core")}, libsql ${version("@mastra/libsql")}`,
      settings: `LibSQLStore, a file; ${isFull ? "set to synchronous=FULL" : "as it is by default"}`,
      travel: "run.timeTravel; the same run, its snapshot is written anew",
      ...(await pragmas(storage.client, connections)),
    };
  },
};

const add = async ({ inputData }) => {
  contender.calls += 1;
  return { value: inputData.value + 1 };
};
const rotate = async ({ inputData }) => ({ text: rotated(inputData.text, 1) });
const mastra = new Mastra({
  storage,
  logger: false,
  workflows: Object.fromEntries([
    ...LENGTHS.map((steps) => [`numbers_${steps}`, sequence(`numbers_${steps}`, steps, number, add)]),
    [`texts_${TEXT_STEPS}`, sequence(`texts_${TEXT_STEPS}`, TEXT_STEPS, words, rotate)],
  ]),
});

await storage.init();
if (isFull) await syncAlways(storage.client);
await answerAll(contender);

/**
 * Run a workflow, print its result, and see what wrong calls are answered with.
 *
 *     node build/samples/basic.js
 */

import { DalsegnoError, connect } from "@dalsegno/client";

import { ADDRESS, compact } from "./shared.js";

const client = connect(ADDRESS);

async function run(workflowId: string, inputData: unknown): Promise<void> {
  console.log(`run ${workflowId} ${compact(inputData)}`);
  const done = await client.run<{ text: string }>(workflowId, { inputData });
  console.log(`status: ${done.status}`);
  console.log(`result: ${compact(done.result)}`);
}

async function runInVain(workflowId: string, inputData: unknown): Promise<DalsegnoError> {
  try {
    await run(workflowId, inputData);
  } catch (error) {
    if (error instanceof DalsegnoError) {
      console.log(`refused: ${error.reason}, code ${error.code}`);
      return error;
    }
    throw error;
  }
  throw new Error("not refused");
}

await run("greeting", { name: "Ada" });

console.log();
const unknown = await runInVain("farewell", { name: "Ada" });
console.log(`workflow_id: ${unknown.metadata["workflow_id"] ?? ""}`);

console.log();
const invalid = await runInVain("greeting", { name: "" });
for (const { field, description } of invalid.violations) {
  console.log(`${field}: ${description}`);
}

client.close();

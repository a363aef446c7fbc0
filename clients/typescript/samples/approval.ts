/**
 * A run asks a question, and another process answers.
 *
 *     node build/samples/approval.js
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { connect } from "@dalsegno/client";

import { ADDRESS, compact } from "./shared.js";

const client = connect(ADDRESS);

async function ask(): Promise<void> {
  const inputData = { employee: "Ada", cents: 12000 };
  const { runId } = await client.startRun("expense", { inputData });
  const suspended = await client.waitRun(runId);
  console.log(`status: ${suspended.status}`);
  const payload = suspended.suspensions[0]?.payload as { question: string };
  console.log(`question: ${payload.question}`);

  const again = [fileURLToPath(import.meta.url), "answer", runId];
  const other = spawn(process.execPath, again, { stdio: "inherit" });
  const [code] = (await once(other, "exit")) as [number | null];
  if (code !== 0) {
    throw new Error(`the other process ended with ${String(code)}`);
  }

  const run = await client.waitRun(runId);
  console.log(`status: ${run.status}`);
  console.log(`result: ${compact(run.result)}`);
}

async function answer(runId: string): Promise<void> {
  const decision = { approved: true, by: "Grace" };
  console.log(`answer: ${compact(decision)}`);
  await client.resume(runId, { label: "approval", resumeData: decision });
}

const [verb, runId] = process.argv.slice(2);
await (verb === "answer" && runId !== undefined ? answer(runId) : ask());
client.close();

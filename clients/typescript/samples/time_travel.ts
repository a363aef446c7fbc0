/**
 * A run fails; travel to the step that failed, give it a better input, and follow the replay.
 *
 *     node build/samples/time_travel.js
 */

import { isDeepStrictEqual } from "node:util";

import { type EventStream, type Run, connect } from "@dalsegno/client";

import { ADDRESS, compact, yesOrNo } from "./shared.js";

interface Bill {
  item: string;
  card: string;
  cents: number;
}

async function follow(stream: EventStream): Promise<string> {
  for await (const event of stream) {
    console.log(`${event.type} ${event.address}`.trimEnd());
  }
  return stream.runId ?? "";
}

function show(name: string, run: Run): void {
  console.log(`${name}: ${run.status}`);
  for (const step of run.steps.values()) {
    const reused = step.reusedFromRunId === undefined ? "" : ", reused";
    console.log(`  ${step.address}: ${step.status}${reused}`);
  }
}

const client = connect(ADDRESS);

const cart = { item: "violin", card: "expired" };
console.log(`run checkout ${compact(cart)}`);
const source = await client.run("checkout", { inputData: cart });
console.log(`status: ${source.status}`);
console.log(`error: ${source.error?.type ?? ""}: ${source.error?.message ?? ""}`);

const bill = { ...(source.steps.get("charge")?.input as Bill), card: "valid" };
console.log(`\ntravel to charge ${compact(bill)}`);
const replayId = await follow(client.timeTravelStream(source.runId, "charge", { inputData: bill }));

const suspended = await client.getRun(replayId);
const payload = suspended.suspensions[0]?.payload as { question: string };
console.log(`question: ${payload.question}`);
const decision = { approved: true, by: "Grace" };
console.log(`\nresume ${compact(decision)}`);
await follow(client.resumeStream(replayId, { resumeData: decision }));

console.log();
show("source", source);
const replay = await client.getRun(replayId);
show("replay", replay);
console.log(`result: ${compact(replay.result)}`);
const isUnchanged = isDeepStrictEqual(await client.getRun(source.runId), source);
console.log(`source unchanged: ${yesOrNo(isUnchanged)}`);

client.close();

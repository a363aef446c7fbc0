/**
 * Attach to a run that is on its way, lose the connection, and miss nothing.
 *
 *     node build/samples/watch.js
 */

import { connect } from "@dalsegno/client";

import { ADDRESS, compact, yesOrNo } from "./shared.js";
import { Wire } from "./wire.js";

/** The sequences of all events after the one given. */
async function watchThroughACut(runId: string, afterSequence: number): Promise<number[]> {
  const wire = new Wire(ADDRESS);
  const client = connect(await wire.listen());
  const sequences: number[] = [];
  for await (const event of client.watchRun(runId, { afterSequence })) {
    sequences.push(event.sequence);
    if (event.sequence === 30) {
      wire.cut();
      console.log("connection cut after event 30");
    }
  }
  console.log(`connected again: ${yesOrNo(wire.connections > 1)}`);
  client.close();
  wire.close();
  return sequences;
}

const client = connect(ADDRESS);
const { runId } = await client.startRun("countdown", { inputData: { from: 20 } });
console.log('run countdown {"from":20}');
for await (const event of client.watchRun(runId)) {
  if (event.sequence === 5) {
    break; // which cancels the call; the run goes on
  }
}
console.log("left after event 5");

const sequences = await watchThroughACut(runId, 5);
const isDense = sequences.every((sequence, i) => sequence === 6 + i);
console.log(`events: ${sequences.length}, from 6 to ${sequences.at(-1) ?? 0}`);
console.log(`without gap or repetition: ${yesOrNo(isDense)}`);
const run = await client.getRun(runId);
console.log(`result: ${compact(run.result)}`);
client.close();

/**
 * Prints the events of a run as they come: sequence, type and address, a line each.
 *
 *     tell run WORKFLOW RUN_ID INPUT    starts it
 *     tell resume RUN_ID DATA           lets it go on
 *     tell watch RUN_ID AFTER           follows it to its end
 */

import { connect } from "../../../clients/typescript/dist/index.js";

const client = connect(process.env.DALSEGNO_ADDRESS);
const [verb, ...rest] = process.argv.slice(2);
for await (const event of stream(verb, rest)) {
  console.log(event.sequence, event.type, event.address || "-");
}
client.close();

function stream(verb, [first, second, third]) {
  switch (verb) {
    case "run":
      return client.runStream(first, { runId: second, inputData: JSON.parse(third) });
    case "resume":
      return client.resumeStream(first, { resumeData: JSON.parse(second) });
    default:
      return client.watchRun(first, { afterSequence: Number(second), follow: true });
  }
}

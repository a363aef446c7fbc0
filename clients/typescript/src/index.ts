/**
 * The TypeScript client of Dal Segno, for Node.js.
 *
 *     import { connect } from "@dalsegno/client";
 *
 * @packageDocumentation
 */

export { type DalsegnoClient, connect } from "./client.js";
export {
  type ConnectOptions,
  DEFAULT_TARGET,
  type TlsOptions,
  type Token,
} from "./connect-options.js";
export {
  DalsegnoError,
  type ErrorCode,
  type ErrorFacts,
  type ErrorReason,
  type Violation,
} from "./errors.js";
export { restsRun } from "./events.js";
export type * from "./events.js";
export { PayloadError, decodeJson, encodeJson } from "./json.js";
export { isAtRest, isTerminal } from "./model.js";
export type * from "./model.js";
export type * from "./options.js";
export { PATIENCE, type Patience } from "./patience.js";
export { type EventStream } from "./stream.js";

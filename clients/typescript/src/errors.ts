/**
 * What calls throw: one class, told apart by `reason`, which is the server's word for it.
 */

import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";

import { type ErrorReason as Reasons } from "./gen/dalsegno/v1/error_reason_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "./gen/google/rpc/error_details_pb.js";

/** Why a server refuses a call: the names that this client knows. */
export type ErrorReason = Exclude<keyof typeof Reasons, "UNSPECIFIED">;

/** Name of a gRPC status code. */
export type ErrorCode =
  | "CANCELLED"
  | "UNKNOWN"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DATA_LOSS"
  | "UNAUTHENTICATED";

/** What is wrong with one field of a request. */
export interface Violation {
  /** Path of the field, as in the protos: `input_data`. */
  readonly field: string;
  /** What is wrong with it, and where inside its value. */
  readonly description: string;
}

/** What a `DalsegnoError` is made of, beside its message. */
export interface ErrorFacts {
  /** See `DalsegnoError.reason`. Default: "". */
  readonly reason?: DalsegnoError["reason"];
  /** See `DalsegnoError.metadata`. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** See `DalsegnoError.violations`. Default: none. */
  readonly violations?: readonly Violation[];
  /** See `DalsegnoError.retryDelayMs`. Default: 0. */
  readonly retryDelayMs?: number;
  /** The error of the transport below this one. */
  readonly cause?: unknown;
}

/**
 * A call was refused, or did not get through. `reason` says which; `message` is for people and may
 * change.
 *
 * A step that fails is no error of a call: it is a run whose status is failed.
 */
export class DalsegnoError extends Error {
  /** Always the same, also where the class is another copy of this package's. */
  override readonly name = "DalsegnoError";
  /**
   * Why the server refused. A reason that only a newer server knows is kept as it is. "" if there
   * is none, as for every failure of the transport. `EVENT_GAP` is the client's own: a stream went
   * on behind the event it had to bring.
   */
  readonly reason: ErrorReason | "EVENT_GAP" | "" | (string & Record<never, never>);
  /** The kind of failure, right also for reasons that this client does not know. */
  readonly code: ErrorCode;
  /** The facts behind the message; `docs/errors.md` lists them by reason. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Fields at fault, if some are. */
  readonly violations: readonly Violation[];
  /** How long the server asks to wait before the call is repeated, in milliseconds. */
  readonly retryDelayMs: number;

  /** Made by the client. */
  constructor(message: string, code: ErrorCode, facts: ErrorFacts = {}) {
    super(message, { cause: facts.cause });
    this.code = code;
    this.reason = facts.reason ?? "";
    this.metadata = facts.metadata ?? {};
    this.violations = facts.violations ?? [];
    this.retryDelayMs = facts.retryDelayMs ?? 0;
  }
}

const CODES: Readonly<Record<Code, ErrorCode>> = {
  [Code.Canceled]: "CANCELLED",
  [Code.Unknown]: "UNKNOWN",
  [Code.InvalidArgument]: "INVALID_ARGUMENT",
  [Code.DeadlineExceeded]: "DEADLINE_EXCEEDED",
  [Code.NotFound]: "NOT_FOUND",
  [Code.AlreadyExists]: "ALREADY_EXISTS",
  [Code.PermissionDenied]: "PERMISSION_DENIED",
  [Code.ResourceExhausted]: "RESOURCE_EXHAUSTED",
  [Code.FailedPrecondition]: "FAILED_PRECONDITION",
  [Code.Aborted]: "ABORTED",
  [Code.OutOfRange]: "OUT_OF_RANGE",
  [Code.Unimplemented]: "UNIMPLEMENTED",
  [Code.Internal]: "INTERNAL",
  [Code.Unavailable]: "UNAVAILABLE",
  [Code.DataLoss]: "DATA_LOSS",
  [Code.Unauthenticated]: "UNAUTHENTICATED",
};

/** The typed error of a failed call. Anything else than a failed call is answered as it is. */
export function fromRpc(failure: unknown): unknown {
  if (!(failure instanceof ConnectError)) {
    return failure;
  }
  if (isLost(failure)) {
    return new DalsegnoError(failure.rawMessage, "UNAVAILABLE", { cause: failure });
  }
  const info = failure.findDetails(ErrorInfoSchema)[0];
  const delay = failure.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const fields = failure.findDetails(BadRequestSchema).flatMap((found) => found.fieldViolations);
  return new DalsegnoError(failure.rawMessage, CODES[failure.code], {
    reason: info?.reason ?? "",
    metadata: info?.metadata ?? {},
    violations: fields.map(({ field, description }) => ({ field, description })),
    retryDelayMs: delay === undefined ? 0 : durationMs(delay),
    cause: failure,
  });
}

const OF_CONNECTIONS: readonly Code[] = [Code.Unavailable, Code.Canceled, Code.Aborted];
const CUT_SHORT =
  /^http\/2 stream closed|^protocol error: (missing status|missing output|incomplete|promised)/;

/**
 * Whether the connection failed rather than the call: no server spoke, or it hung up midway.
 *
 * Connect tells that apart by words only, and gives it several codes: a connection rotated by
 * GOAWAY is INTERNAL with NGHTTP2_REFUSED_STREAM, a server killed in the middle of a message
 * INVALID_ARGUMENT, a reset one ABORTED.
 */
function isLost(failure: ConnectError): boolean {
  if (failure.metadata.has("grpc-status")) {
    return false;
  }
  const cause = failure.cause;
  const isNodes = cause instanceof Error && "code" in cause && typeof cause.code === "string";
  return isNodes || OF_CONNECTIONS.includes(failure.code) || CUT_SHORT.test(failure.rawMessage);
}

/**
 * Payloads: exact JSON text on the wire, plain values on this side.
 */

import { type MessageInitShape } from "@bufbuild/protobuf";

import { type Payload, type PayloadSchema } from "./gen/dalsegno/v1/payload_pb.js";
import { PayloadError, decodeJson, encodeJson } from "./json.js";

/** What a request has in a field for a payload. */
export type PayloadInit = MessageInitShape<typeof PayloadSchema>;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A payload for a value; undefined, which is no payload at all, for undefined.
 *
 * @param field - Begins the message of the error.
 * @throws PayloadError - The value is no JSON.
 */
export function encode(field: string, value: unknown): PayloadInit | undefined {
  if (value === undefined) {
    return undefined;
  }
  try {
    return { form: { case: "json", value: new TextEncoder().encode(encodeJson(value)) } };
  } catch (error) {
    throw error instanceof PayloadError ? new PayloadError(`${field}: ${error.message}`) : error;
  }
}

/**
 * The value of a payload; undefined if there is none, or if it was left out of a too large answer.
 *
 * @throws PayloadError - It came in readable form, whose numbers are doubles: something on the way
 *   took the metadata away that asks for exact text.
 */
export function decode(payload: Payload | undefined): unknown {
  switch (payload?.form.case) {
    case undefined:
      return undefined;
    case "json":
      return decodeJson(UTF8.decode(payload.form.value));
    case "value":
      throw new PayloadError("an answer came without exact JSON text");
  }
}

/**
 * What the samples share: where the server is, and JSON as it is printed.
 */

import { DEFAULT_TARGET, encodeJson } from "@dalsegno/client";

export const ADDRESS = process.env["DALSEGNO_ADDRESS"] ?? DEFAULT_TARGET;

export const compact = encodeJson;

export function yesOrNo(answer: boolean): string {
  return answer ? "yes" : "no";
}

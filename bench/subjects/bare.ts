/**
 * The OpenTelemetry API by hand with whatever the runtime has registered: Deno's built-in OpenTelemetry with
 * `OTEL_DENO=true`, and nothing without.
 *
 * @module
 */

import { main } from "../measure.ts";
import { byHand } from "./by_hand.ts";

await main(byHand(undefined));

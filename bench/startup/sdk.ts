import { configureByHand } from "../sdk_pipeline.ts";

configureByHand("http://127.0.0.1:4318");
console.log(performance.timeOrigin + performance.now());
setTimeout(() => Deno.exit(0));

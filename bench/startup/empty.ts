console.log(performance.timeOrigin + performance.now());
Deno.exit(0);

console.log(performance.timeOrigin + performance.now());
setTimeout(() => Deno.exit(0));

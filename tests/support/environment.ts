/**
 * Environment variables for one test file: files that run in parallel share those of the process, so none may be
 * set there.
 *
 * @module
 */

/** Makes variables readable to what runs in this file until it is disposed of. */
export function environment(variables: Readonly<Record<string, string>>): Disposable {
  const original = Deno.env.get;
  Deno.env.get = (name) => Object.hasOwn(variables, name) ? variables[name] : original.call(Deno.env, name);
  return {
    [Symbol.dispose]() {
      Deno.env.get = original;
    },
  };
}

/**
 * Takes away what the storage uses of Deno's inside; loaded before everything else, so that it is AsyncLocalStorage
 * which the scopes are kept in.
 *
 * @module
 */

const internal: symbol = Reflect.get(Deno, "internal");
Reflect.deleteProperty(Reflect.get(Deno, internal), "core");

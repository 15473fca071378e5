/**
 * Puts a method in the place of somebody else's, to see what goes by; nothing else tells. What is returned
 * puts the old one back, unless somebody else has taken the place since.
 */
export function override(target: object, name: string, by: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { value: by, configurable: true, enumerable: false, writable: true });
  return () => {
    if (Reflect.get(target, name) !== by) return;
    if (before === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, before);
  };
}

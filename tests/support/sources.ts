/**
 * The sources of the project, for the tests that read them.
 *
 * @module
 */

/** The root of the project. */
export const ROOT = new URL("../../", import.meta.url);

/** The TypeScript files under a directory, as paths from the root of the project. */
export function sourcePaths(directory: string): string[] {
  return [...Deno.readDirSync(new URL(directory, ROOT))].flatMap(({ name, isDirectory }) =>
    isDirectory ? sourcePaths(`${directory}${name}/`) : name.endsWith(".ts") ? [`${directory}${name}`] : []
  );
}

/** The text of a file of the project. */
export function textOf(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

// The two schemes by which keys become file names. Both are bijections; they differ in how much they escape.

/** `posix` escapes only what no file system of Unix can hold; `portable` also what Windows and macOS forbid. */
export type NameScheme = "posix" | "portable";

/** A path below the root of a tree: names joined by "/", none of them empty, "." or ".."; made by the encoders of
 * path-codec.ts only. */
export type RelativePath = string & { readonly [relativePathBrand]: true };

declare const relativePathBrand: unique symbol;

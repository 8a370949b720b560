// Arrays as parameters, in PostgreSQL's binary form: `pg` would write them as text, bytes as hexadecimal digits within it, which takes twice
// the room and several times the work.

/** Of what an array may be made here: its type's number in PostgreSQL's catalogue, and one element as bytes. */
interface ElementType<T> {
  readonly oid: number;
  readonly encode: (element: T) => Uint8Array;
}

const BYTEA: ElementType<Uint8Array> = { oid: 17, encode: (bytes) => bytes };
const TEXT: ElementType<string> = { oid: 25, encode: (text) => Buffer.from(text) };
const INT8: ElementType<number> = {
  oid: 20,
  encode: (number) => {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigInt64BE(BigInt(number));
    return bytes;
  },
};
const UUID: ElementType<string> = { oid: 2950, encode: (uuid) => Buffer.from(uuid.replaceAll("-", ""), "hex") };

export const byteaArray = (elements: readonly (Uint8Array | null)[]): Buffer => encodeArray(BYTEA, elements);
export const textArray = (elements: readonly (string | null)[]): Buffer => encodeArray(TEXT, elements);
export const int8Array = (elements: readonly (number | null)[]): Buffer => encodeArray(INT8, elements);
export const uuidArray = (elements: readonly (string | null)[]): Buffer => encodeArray(UUID, elements);

/** One dimension; then each element with its length before it, -1 for null. As `array_recv` reads it. */
function encodeArray<T>({ oid, encode }: ElementType<T>, elements: readonly (T | null)[]): Buffer {
  const encoded = elements.map((element) => (element === null ? undefined : encode(element)));
  const byteLength = encoded.reduce((sum, bytes) => sum + 4 + (bytes?.byteLength ?? 0), 0);
  const array = Buffer.allocUnsafe(20 + byteLength);
  array.writeInt32BE(elements.length === 0 ? 0 : 1, 0);
  array.writeInt32BE(encoded.includes(undefined) ? 1 : 0, 4);
  array.writeInt32BE(oid, 8);
  if (elements.length === 0) return array.subarray(0, 12);
  array.writeInt32BE(elements.length, 12);
  array.writeInt32BE(1, 16);
  let at = 20;
  for (const bytes of encoded) {
    at = array.writeInt32BE(bytes?.byteLength ?? -1, at);
    if (bytes === undefined) continue;
    array.set(bytes, at);
    at += bytes.byteLength;
  }
  return array;
}

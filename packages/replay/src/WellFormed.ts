/**
 * Text for where only well-formed Unicode can be kept, and back, to the last code unit.
 * JSON needs none of this: it writes a lone surrogate as an escape.
 */

/** Before text that is written as hexadecimal code units, because UTF-8 has no lone surrogates. */
const mark = "\u0000utf16:"

export const written = (text: string): string =>
  text.isWellFormed() && !text.startsWith(mark) ? text : mark + hexadecimal(text)

export const read = (text: string): string =>
  text.startsWith(mark)
    ? text
        .slice(mark.length)
        .replaceAll(/[^]{4}/g, (unit) => String.fromCharCode(Number.parseInt(unit, 16)))
    : text

const hexadecimal = (text: string): string =>
  Array.from({ length: text.length }, (_, i) =>
    text.charCodeAt(i).toString(16).padStart(4, "0")
  ).join("")

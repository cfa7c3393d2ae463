import type { KeyboardEvent } from "react";

/**
 * Whether a key belongs to an input method: Enter that ends a composition chooses a word and sends
 * nothing. Safari ends the composition before it tells of the key, which it marks with 229 alone.
 */
export const isComposing = ({ nativeEvent }: KeyboardEvent): boolean =>
  nativeEvent.isComposing || nativeEvent.keyCode === 229;

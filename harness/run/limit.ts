/** How long a successor tries, unless told otherwise: longer than any kernel of today keeps a port. */
export const defaultLimitSeconds = 150

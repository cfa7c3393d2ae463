// What Storage refuses, in the shape and words of hosted Storage. The status of the answer is 400 for
// nearly all of them; the one that is meant stands in the body.
import { isDisconnected, isPostgresError } from "../api/errors.ts";

export class StorageProblem extends Error {
  constructor(
    /** The status that is meant. */
    readonly statusCode: number,
    readonly code: string,
    message: string,
    /** An older name of the code, where there is one. */
    readonly error = code,
    /** The status of the answer. */
    readonly httpStatus = statusCode >= 500 ? statusCode : 400,
  ) {
    super(message);
  }

  toResponse(): Response {
    const { statusCode, code, error, message, httpStatus } = this;
    return Response.json(
      { statusCode: String(statusCode), code, error, message },
      { status: httpStatus },
    );
  }
}

export const problems = {
  noSuchBucket: () =>
    new StorageProblem(404, "NoSuchBucket", "Bucket not found", "Bucket not found"),
  noSuchKey: () => new StorageProblem(404, "NoSuchKey", "Object not found", "not_found"),
  invalidKey: (key: string) => new StorageProblem(400, "InvalidKey", `Invalid key: ${key}`),
  invalidBucketName: () =>
    new StorageProblem(400, "InvalidBucketName", "Bucket name invalid", "Invalid Input"),
  invalidRequest: (message: string) => new StorageProblem(400, "InvalidRequest", message),
  invalidJwt: (message: string) => new StorageProblem(400, "InvalidJWT", message),
  invalidSignature: (message = "Invalid signature") =>
    new StorageProblem(400, "InvalidSignature", message),
  accessDenied: (message = "Access denied") =>
    new StorageProblem(403, "AccessDenied", message, "Unauthorized"),
  alreadyExists: () =>
    new StorageProblem(409, "KeyAlreadyExists", "The resource already exists", "Duplicate"),
  bucketNotEmpty: () =>
    new StorageProblem(409, "ResourceNotEmpty", "The bucket you tried to delete is not empty"),
  tooLarge: (what = "object") =>
    new StorageProblem(
      413,
      "EntityTooLarge",
      `The ${what} exceeded the maximum allowed size`,
      "Payload too large",
    ),
  invalidMimeType: (type: string) =>
    new StorageProblem(
      415,
      "InvalidMimeType",
      `mime type ${type} is not supported`,
      "invalid_mime_type",
    ),
  invalidRange: () =>
    new StorageProblem(416, "InvalidRange", "invalid range provided", "invalid_range", 416),
  noRoute: (method: string, path: string) =>
    new StorageProblem(
      404,
      "InvalidRequest",
      `Route ${method}:${path} not found`,
      "Not Found",
      404,
    ),
};

/** The answer to whatever was thrown; undefined for a fault of the stack itself. */
export function problemOf(error: unknown): StorageProblem | undefined {
  if (error instanceof StorageProblem) return error;
  if (isDisconnected(error)) {
    return new StorageProblem(503, "DatabaseError", "The database does not answer.");
  }
  if (!isPostgresError(error)) return undefined;
  switch (error.code) {
    case "42501":
      return problems.accessDenied(
        error.message.includes("row-level security")
          ? "new row violates row-level security policy"
          : error.message,
      );
    case "23505":
      return problems.alreadyExists();
    case "23503":
      return new StorageProblem(404, "InvalidRequest", "The related resource does not exist");
    case "55P03":
      return new StorageProblem(423, "ResourceLocked", "The resource is locked");
    case "57014":
      return new StorageProblem(
        544,
        "DatabaseTimeout",
        "The connection to the database timed out",
      );
    default:
      // Values that no column takes, and names too long for an index: the client's to mend.
      if (/^(22|54)/.test(error.code)) {
        return new StorageProblem(400, "InvalidParameter", error.message);
      }
      return new StorageProblem(500, "DatabaseError", `database error, code: ${error.code}`);
  }
}

// Package saved reads back what moetop wrote: the report of --json, the stream of --ndjson, and a
// sweep as its document or its journal. All of them become runs of measured points, so that whoever
// compares or draws them need not know where they came from.
package saved

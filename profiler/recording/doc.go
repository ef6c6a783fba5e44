// Package recording keeps a stream in a file and plays it back.
//
// A recording is a sequence of zstd frames, so that any zstd tool prints what is in it, which is the
// stream but for the raw steps of its samples: those are packed, see pack.
//
//	skippable frame 0x184D2A50  "moetop recording 1\n"
//	then for each segment, some seconds of one session:
//	    skippable frame 0x184D2A51  the time of its first record, and the records that it builds on
//	    zstd frame                  its records, as NDJSON
//	skippable frame 0x184D2A52  an index of the segments; only in a recording that was closed
//
// The context of a segment (its session's header and workload) makes it readable by itself, which is
// what seeking needs. The compressor is flushed twice a second, so that a process that is killed
// leaves all but its last moments in the file. Without an index the segments are found by walking
// from frame to frame; nothing is decoded for that.
package recording

package profiler

import (
	"fmt"
	"strings"
)

// SchemaVersion is the version of report and stream. Fields are added within a version, never
// changed or removed.
const SchemaVersion = "1.0"

// CheckSchemaVersion refuses what another major version has written; a newer minor one only has more
// fields.
func CheckSchemaVersion(version string) error {
	ours, _, _ := strings.Cut(SchemaVersion, ".")
	if theirs, _, _ := strings.Cut(version, "."); theirs != ours {
		return fmt.Errorf("schema_version: %q is not allowed: this moetop reads %s.x", version, ours)
	}
	return nil
}

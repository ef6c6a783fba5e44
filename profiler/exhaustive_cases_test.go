package profiler

import "testing"

// No engine here takes the large cases, so that only a GPU would tell that one of them is not allowed.
func TestVerifyCasesAreAllowed(t *testing.T) {
	for _, onCPU := range []bool{false, true} {
		seen := map[string]bool{}
		for _, c := range VerifyCases(1, onCPU) {
			if err := c.Workload.Validate(); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
			if seen[c.Name] {
				t.Errorf("two cases are named %q", c.Name)
			}
			seen[c.Name] = true
		}
	}
}

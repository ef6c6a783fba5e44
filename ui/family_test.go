package ui

import (
	"testing"

	"github.com/moetop/moetop/profiler"
)

// familiesView runs one of two kernel families.
func familiesView(kernels, requested string) *profiler.View {
	v := manualView()
	v.Workload.Kernels = kernels
	v.Workload.KernelChoice = profiler.KernelChoice{KernelsRequested: requested, KernelFamilies: []string{"cutlass", "native"}}
	return v
}

func TestFamilyKey(t *testing.T) {
	t.Parallel()
	m := testModel(t, 200, 60, familiesView("cutlass", "cutlass"), nil)
	checkShown(t, m, "cutlass kernels")
	checkShown(t, m, "g native")
	press(m, "g")
	checkShown(t, m, "cutlass→native kernels")
	// Pressed in a hurry it comes back to where it began.
	press(m, "g")
	if got := sent(t, m); len(got) != 2 || got[0] != `{"kernels":"native"}` || got[1] != `{"kernels":"cutlass"}` {
		t.Errorf("sent %v", got)
	}
	press(m, "g")
	m.Update(viewMsg{familiesView("native", "native")})
	checkShown(t, m, "native kernels")
	checkNotShown(t, m, "→native")
	checkShown(t, m, "g cutlass")
}

func TestFamilyThatAutoTook(t *testing.T) {
	t.Parallel()
	checkShown(t, testModel(t, 120, 40, familiesView("native", profiler.AutoKernels), nil), "native kernels (auto)")
}

func TestFamilyKeyNeedsAnother(t *testing.T) {
	t.Parallel()
	v := familiesView("cutlass", "cutlass")
	v.Workload.KernelFamilies = v.Workload.KernelFamilies[:1]
	m := testModel(t, 200, 60, v, nil)
	press(m, "g")
	checkNotShown(t, m, "g native")
	if got := sent(t, m); len(got) > 0 {
		t.Errorf("sent %v", got)
	}
}

// enable_es is the switch of sglang's kernels: those of others are not to be deployed by it.
func TestVerdictOfOtherKernels(t *testing.T) {
	t.Parallel()
	v := familiesView("native", "native")
	v.Sample.Verdict = profiler.Verdict{
		EnableES: &[2]bool{false, true},
		Text:     "native " + profiler.NotDeployed + "enable_es=(False, True): down 1.33x [1.32, 1.34], up not significant",
	}
	m := testModel(t, 120, 40, v, nil)
	checkShown(t, m, "NATIVE  enable_es=(False, True): down 1.33x")
	checkNotShown(t, m, "DEPLOY")
	checkNotShown(t, m, "deploy")
}

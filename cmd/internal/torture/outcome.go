package torture

import (
	"cmp"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

// Text lists outcomes, the most frequent first, as in "noticed 9, harmless 1".
func Text(outcomes map[string]int) string {
	names := slices.SortedFunc(maps.Keys(outcomes), func(a, b string) int {
		return cmp.Or(cmp.Compare(outcomes[b], outcomes[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, outcomes[name])
	}
	return strings.Join(names, ", ")
}

// Commit is the short name of the commit that is tested, with + if the tree differs from it.
func Commit() string {
	name, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	changed, _ := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output()
	if len(changed) > 0 {
		return strings.TrimSpace(string(name)) + "+"
	}
	return strings.TrimSpace(string(name))
}

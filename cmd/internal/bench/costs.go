package bench

import (
	"strings"

	"tapenet/graph"
)

// cost is what one op does.
type cost struct {
	mulAdds int // multiply-adds
	bytes   int // of the values that it reads and writes, its workspace left out
}

// costOf is that of an op in a profile.
func costOf(t graph.NodeTime) cost { return cost{t.MulAdds, t.Bytes} }

// picks reports whether an op does nothing but hand out a gradient that another
// has computed.
func picks(text string) bool { return strings.Contains(text, " of operand ") }

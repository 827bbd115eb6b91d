// Command peak writes the amd64 assembly by which the command bench finds the
// processor's peak. Run it with go generate, in that command's folder.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sums is how many sums run side by side: enough for two fused multiply-adds a
// cycle, each of which takes four or five.
const sums = 12

func main() {
	ConstraintExpr("!noasm")
	peak("peakAVX512", 16, ZMM, func(v reg.VecVirtual) { VPXORD(v, v, v) })
	peak("peakAVX2", 8, YMM, func(v reg.VecVirtual) { VXORPS(v, v, v) })
	Generate()
}

// peak generates n rounds of independent fused multiply-adds in registers.
func peak(name string, lanes int, vector func() reg.VecVirtual, zero func(reg.VecVirtual)) {
	TEXT(name, NOSPLIT, "func(n int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s does %d times n multiply-adds of float32, n at least 1.", name, sums*lanes))
	n := Load(Param("n"), GP64())
	x, y := vector(), vector()
	zero(x)
	zero(y)
	var all [sums]reg.VecVirtual
	for i := range all {
		all[i] = vector()
		zero(all[i])
	}
	Label("loop")
	for _, sum := range all {
		VFMADD231PS(x, y, sum)
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

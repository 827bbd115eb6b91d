package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file has what loops over the rows of a matrix consist of. They go through a
// row in steps of sixteen elements, with AVX2 two vectors and with AVX-512 one, and
// sum in sixteen partial sums:
//
//	row       x0 x1 … x15 | x16 x17 … x31 | x32 x33        34 elements: two steps
//	           +  +     +     +   +     +    +   +         and one under a mask
//	partials  s0 s1 … s15
//	reduce    s0+s8, s1+s9, …;  then lanes 4 apart, 2 apart, 1 apart
//
// So the bits are the same for both, and depend on the length of the row alone. A
// function goes over many rows: short ones would spend their time in calls.

// step is up to sixteen elements of a row: the vectors' parts.
type step []part

// rows is a matrix's row that is being worked on.
type rows struct {
	cols  reg.Register   // elements in a row
	bases []reg.Register // where the row begins, in each matrix
}

// newRows begins at the first row of the matrices that the parameters name, whose
// rows have as many elements as cols.
func newRows(cols reg.Register, matrices ...string) *rows {
	r := &rows{cols: cols}
	for _, name := range matrices {
		r.bases = append(r.bases, slice(name))
	}
	return r
}

// each generates a function that runs the body for every row of its first matrix,
// the parameter over, and then moves on in all matrices.
func (r *rows) each(over string, body func()) {
	left := Load(Param(over).Len(), GP64())
	Label("row")
	CMPQ(left, U8(0))
	JLE(LabelRef("end"))
	body()
	for _, base := range r.bases {
		LEAQ(Mem{Base: base, Index: r.cols, Scale: float}, base)
	}
	SUBQ(r.cols, left)
	JMP(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
}

// steps generates a loop through the row: the body for sixteen elements as often as
// there are as many, and once for the rest. name is for its labels, which a function
// may have once.
func (r *rows) steps(name string, body func(step)) {
	i, left := GP64(), GP64()
	XORQ(i, i)
	MOVQ(r.cols, left)
	Label(name + "Sixteen")
	CMPQ(left, U8(16))
	JLT(LabelRef(name + "Rest"))
	body(stepAt(i, nil))
	ADDQ(U8(16*float), i)
	SUBQ(U8(16), left)
	JMP(LabelRef(name + "Sixteen"))
	Label(name + "Rest")
	TESTQ(left, left)
	JZ(LabelRef(name + "Done"))
	body(stepAt(i, left))
	Label(name + "Done")
}

// stepAt returns the step at an offset: of sixteen elements, or of n.
func stepAt(offset, n reg.Register) step {
	switch {
	case lanes == 16 && n == nil:
		return step{{offset: offset}}
	case lanes == 16:
		return step{{offset: offset, mask: firstLanes(n)}}
	case n == nil:
		return step{{offset: offset}, {offset: offset, behind: lane}}
	}
	table, s := lastMasks(n, 1), step{}
	for i := range 2 {
		m := YMM()
		VMOVDQU(Mem{Base: table, Disp: i * lane}, m)
		s = append(s, part{offset, i * lane, m})
	}
	return s
}

// partials are sixteen partial results of a row.
type partials []vec

// sums returns sixteen zeros.
func sums() (p partials) {
	for range 16 / lanes {
		p = append(p, fill(constant(0)))
	}
	return p
}

// filled returns sixteen times a vector.
func filled(x vec) (p partials) {
	for range 16 / lanes {
		p = append(p, clone(x))
	}
	return p
}

// add adds v, but for the elements that are not there, to the partial sums i of
// vector v.
func (p partials) add(i int, at part, v vec) {
	if at.mask != nil {
		v = selected(at.mask, v)
	}
	VADDPS(v, p[i], p[i])
}

// reduce joins the partial results by an instruction, VADDPS or VMAXPS, in the order
// of a tree: lanes 8 apart, then 4, 2 and 1. Every lane of the vector that it returns
// has the result.
func (p partials) reduce(join func(...Op)) vec {
	half, quarter, other := YMM(), XMM(), XMM()
	if lanes == 16 {
		VEXTRACTF32X8(U8(1), p[0], half)
		join(half, p[0].AsY(), half)
	} else {
		join(p[1], p[0], half)
	}
	VEXTRACTF128(U8(1), half, quarter)
	join(quarter, half.AsX(), quarter)
	VMOVHLPS(quarter, quarter, other)
	join(other, quarter, quarter)
	VMOVSHDUP(quarter, other)
	join(other, quarter, quarter)
	return everywhere(quarter)
}

// everywhere fills a vector with the first element of another.
func everywhere(x reg.VecVirtual) vec {
	v := fresh()
	VBROADCASTSS(x.AsX(), v)
	return v
}

// softMaxes generates the probabilities of the rows of a matrix and their gradient.
func softMaxes() {
	defer func() { lanes = 8 }()
	for _, lanes = range []int{8, 16} {
		softMax()
		softMaxGrad()
	}
}

// softMax goes through a row three times: for its largest element, for the
// exponentials and their sum, and to divide by the sum. After the first time the row
// is in the cache.
func softMax() {
	begin("softMax", "func(y, x []float32, cols int)",
		"\tfor ; len(y) > 0; y, x = y[cols:], x[cols:] { // whole rows",
		"\t\ttop := max(x[:cols]...)",
		"\t\tfor i := range cols {",
		"\t\t\ty[i] = exp(x[i] - top)",
		"\t\t\tsum += y[i] // in sixteen interleaved parts",
		"\t\t}",
		"\t\tfor i := range cols {",
		"\t\t\ty[i] *= 1 / sum",
		"\t\t}",
		"\t}")
	r := newRows(Load(Param("cols"), GP64()), "y", "x")
	y, x := r.bases[0], r.bases[1]
	r.each("y", func() {
		first := fresh()
		VBROADCASTSS(Mem{Base: x}, first)
		top := filled(first)
		r.steps("top", func(s step) {
			for i, at := range s {
				v := at.get(x)
				if at.mask != nil { // beyond the row v is 0, which may be larger
					v = choose(at.mask, v, top[i])
				}
				VMAXPS(v, top[i], top[i])
			}
		})
		highest, sum := top.reduce(VMAXPS), sums()
		r.steps("exp", func(s step) {
			for i, at := range s {
				// Never above exp(0). Beyond the row it is nonsense, which is not
				// added.
				e := exponential(minus(at.get(x), highest)).value()
				at.put(e, y)
				sum.add(i, at, e)
			}
		})
		share := over(fill(constant(1)), sum.reduce(VADDPS))
		r.steps("share", func(s step) {
			for _, at := range s {
				at.put(times(at.get(y), share), y)
			}
		})
	})
}

// softMaxGrad needs no mask for its sum: a product of two elements that are not
// there is zero.
func softMaxGrad() {
	begin("softMaxGrad", "func(dx, dy, p []float32, cols int)",
		"\tfor ; len(dx) > 0; dx, dy, p = dx[cols:], dy[cols:], p[cols:] { // whole rows",
		"\t\tfor i := range cols {",
		"\t\t\tdot += dy[i] * p[i] // fused, in sixteen interleaved parts",
		"\t\t}",
		"\t\tfor i := range cols {",
		"\t\t\tdx[i] = p[i] * (dy[i] - dot)",
		"\t\t}",
		"\t}")
	r := newRows(Load(Param("cols"), GP64()), "dx", "dy", "p")
	dx, dy, p := r.bases[0], r.bases[1], r.bases[2]
	r.each("dx", func() {
		sum := sums()
		r.steps("dot", func(s step) {
			for i, at := range s {
				addProduct(at.get(p), at.get(dy), sum[i]) // beyond the row both are zero
			}
		})
		dot := sum.reduce(VADDPS)
		r.steps("dx", func(s step) {
			for _, at := range s {
				at.put(times(minus(at.get(dy), dot), at.get(p)), dx)
			}
		})
	})
}

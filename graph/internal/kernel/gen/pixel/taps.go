package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The loops over taps keep so many sums in registers: of eight output pixels, or of up
// to fourteen weights in rows. A sum waits four cycles for its next product, and two
// products begin in a cycle: so eight keep the processor busy. package pixel has the
// same numbers (maxTapPixels and its neighbours).
const (
	tapPixels  = 8
	tapColumns = 7
	tapRows    = 3
	tapWeights = 14
)

// taps generates the convolution of pixels with one filter for each channel, and its
// gradients.
func taps(t tier) {
	for n := 1; n <= tapPixels; n++ {
		tapSums(t, n)
	}
	for rows := 1; rows <= tapRows; rows++ {
		for cols := 1; cols <= tapColumns && rows*cols <= tapWeights; cols++ {
			tapWeightSums(t, rows, cols)
		}
	}
}

// tapSums generates the sums of n pixels over taps. A weight that is read serves all
// of them:
//
//	for each vector of channels, for each tap (u,v):
//	    weight ── one load
//	    sums[i] += pixel i's tap · weight      a fused product from memory, i < n
func tapSums(t tier, n int) {
	t.function(fmt.Sprint("tapSums", n), "func(width, kh, kw int, x *float32, xPixel, xColumn, xRow int, w *float32, wColumn, wRow int, y *float32, yPixel int)",
		fmt.Sprintf("\tfor j := range %d {", n),
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\tsum := float32(0)",
		"\t\t\tfor u := range kh { // at least 1, as kw",
		"\t\t\t\tfor v := range kw {",
		"\t\t\t\t\tsum = fma(x[j*xPixel+u*xRow+v*xColumn+f], w[u*wRow+v*wColumn+f], sum) // rounded once",
		"\t\t\t\t}",
		"\t\t\t}",
		"\t\t\ty[j*yPixel+f] = sum",
		"\t\t}",
		"\t}")
	width, xPixel := size("width"), size("xPixel")
	t.channels(width, func(v vector, f reg.Register) {
		sums := make([]reg.VecVirtual, n)
		for i := range sums {
			sums[i] = v.zero()
		}
		x, w := thirds(start(number("x"), f), xPixel, n), start(number("w"), f)
		times("tapRow", number("kh"), func() {
			align()
			times("tap", number("kw"), func() {
				weight := v.load(Mem{Base: w})
				for i, sum := range sums {
					VFMADD231PS(nth(x, xPixel, i), weight, sum)
				}
				move(size("xColumn"), x...)
				move(size("wColumn"), w)
			})
			move(nextRow("xRow", "xColumn"), x...)
			move(nextRow("wRow", "wColumn"), w)
		})
		yPixel := size("yPixel")
		y := thirds(start(number("y"), f), yPixel, n)
		for i, sum := range sums {
			VMOVUPS(sum, nth(y, yPixel, i))
		}
	})
	end()
}

// nextRow returns, in bytes, the step to the next row of a pointer that has gone kw
// columns: row - kw·column.
func nextRow(row, column string) reg.Register {
	gone, next := number("kw"), number(row)
	IMULQ(parameter(column), gone)
	SUBQ(gone, next)
	SHLQ(U8(2), next)
	return next
}

// tapWeightSums generates the sums of rows×cols weights over pixels: the transpose of
// tapSums. An output's gradient that is read serves all weights of the block:
//
//	for each vector of channels, for each output pixel j:
//	    gradient ── one load
//	    sums[u][v] += pixel under (u,v) · gradient
func tapWeightSums(t tier, rows, cols int) {
	t.function(fmt.Sprintf("tapWeightSums%dx%d", rows, cols), "func(n, width int, a *float32, aPixel int, x *float32, xPixel, xColumn, xRow int, w *float32, wColumn, wRow int)",
		"\tfor j := range n { // at least 1",
		"\t\tfor f := range width { // a multiple of eight",
		fmt.Sprintf("\t\t\tfor u := range %d {", rows),
		fmt.Sprintf("\t\t\t\tfor v := range %d {", cols),
		"\t\t\t\t\t// with fma(x, y, z) = x*y+z rounded once",
		"\t\t\t\t\tw[u*wRow+v*wColumn+f] = fma(a[j*aPixel+f], x[j*xPixel+u*xRow+v*xColumn+f], w[u*wRow+v*wColumn+f])",
		"\t\t\t\t}",
		"\t\t\t}",
		"\t\t}",
		"\t}")
	width, aPixel, xPixel, xColumn := size("width"), size("aPixel"), size("xPixel"), size("xColumn")
	t.channels(width, func(v vector, f reg.Register) {
		sums := make([][]reg.VecVirtual, rows)
		// eachSum goes over the weights in memory: to load them before the loop over
		// the pixels, and to store them behind it.
		eachSum := func(do func(u, v int, w Mem)) {
			w, column, row := start(number("w"), f), size("wColumn"), size("wRow")
			for u := range sums {
				p := thirds(w, column, cols)
				for v := range cols {
					do(u, v, nth(p, column, v))
				}
				if u < rows-1 {
					next := GP64()
					LEAQ(at(w, row), next)
					w = next
				}
			}
		}
		eachSum(func(u, _ int, w Mem) { sums[u] = append(sums[u], v.load(w)) })
		// Each row of weights has pointers of its own to its row of the image.
		a, x := start(number("a"), f), make([][]reg.Register, rows)
		top := start(number("x"), f)
		for u := range x {
			x[u] = thirds(top, xColumn, cols)
			if u < rows-1 {
				next, row := GP64(), size("xRow")
				LEAQ(at(top, row), next)
				top = next
			}
		}
		align()
		times("pixel", number("n"), func() {
			gradient := v.load(Mem{Base: a})
			for u, row := range sums {
				for v, sum := range row {
					VFMADD231PS(nth(x[u], xColumn, v), gradient, sum)
				}
				move(xPixel, x[u]...)
			}
			ADDQ(aPixel, a)
		})
		eachSum(func(u, v int, w Mem) { VMOVUPS(sums[u][v], w) })
	})
	end()
}

// move moves pointers by some bytes.
func move(by reg.Register, pointers ...reg.Register) {
	for _, p := range pointers {
		ADDQ(by, p)
	}
}

// thirds are pointers to every third of n elements that are a stride apart: with the
// stride as an index, once or twice, they reach all.
func thirds(first, stride reg.Register, n int) []reg.Register {
	p := []reg.Register{first}
	for i := 3; i < n; i += 3 {
		q := GP64()
		LEAQ(Mem{Base: p[len(p)-1], Index: stride, Scale: 2}, q)
		ADDQ(stride, q)
		p = append(p, q)
	}
	return p
}

// nth addresses the ith of the elements that thirds reach.
func nth(p []reg.Register, stride reg.Register, i int) Mem { return multiple(p[i/3], stride, i%3) }

// tapTable lists the loops over taps of a tier.
func tapTable(t tier) string {
	var b strings.Builder
	b.WriteString("\ttapSums: [...]tapSums{\n")
	for n := 1; n <= tapPixels; n++ {
		fmt.Fprintf(&b, "\t\t%d: tapSums%d%s,\n", n, n, t.name)
	}
	b.WriteString("\t},\n\ttapWeightSums: [...][maxTapColumns + 1]tapWeightSums{\n")
	for rows := 1; rows <= tapRows; rows++ {
		fmt.Fprintf(&b, "\t\t%d: {\n", rows)
		for cols := 1; cols <= tapColumns && rows*cols <= tapWeights; cols++ {
			fmt.Fprintf(&b, "\t\t\t%d: tapWeightSums%dx%d%s,\n", cols, rows, cols, t.name)
		}
		b.WriteString("\t\t},\n")
	}
	b.WriteString("\t},\n")
	return b.String()
}

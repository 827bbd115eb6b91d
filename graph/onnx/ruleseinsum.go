package onnx

import (
	"slices"
	"strings"
)

// arrangeEinsum is a sum of products of two operands that is a product of matrices:
// no letter twice in an operand, none summed that is in one of them alone.
func arrangeEinsum(b *builder, x *value) *value {
	text := strings.ReplaceAll(b.attrText("equation"), " ", "")
	in, out, ok := strings.Cut(text, "->")
	first, second, two := strings.Cut(in, ",")
	y := b.held(b.value(1))
	if !ok || !two || y == nil || len(b.now.Inputs) != 2 || len(first) != len(x.shape()) || len(second) != len(y.shape()) ||
		repeats(first) || repeats(second) || repeats(out) || strings.IndexFunc(text, func(c rune) bool { return c >= 0x80 || c == '.' }) >= 0 {
		b.fail("equation %.64q, want one of two operands, each letter once in each, and of the result", text)
		return nil
	}
	var outer, rows, cols, sums string
	for _, c := range out {
		switch l := string(c); {
		case strings.Contains(first, l) && strings.Contains(second, l):
			outer += l
		case strings.Contains(first, l):
			rows += l
		default:
			cols += l
		}
	}
	for _, c := range first {
		if l := string(c); !strings.Contains(out, l) {
			sums += l
		}
	}
	if !sameLetters(first, outer+rows+sums) || !sameLetters(second, outer+sums+cols) {
		b.fail("equation %.64q, want no sum over one operand alone", text)
		return nil
	}
	p := b.lettered(x, first, outer, rows, sums)
	q := b.lettered(y, second, outer, sums, cols)
	if p == nil || q == nil {
		return nil
	}
	z := b.pairs(p, q)
	if z == nil {
		return nil
	}
	return b.unlettered(z, x, y, first, second, outer+rows+cols, out)
}

func repeats(letters string) bool {
	for i, c := range letters {
		if strings.ContainsRune(letters[i+1:], c) {
			return true
		}
	}
	return false
}

func sameLetters(a, b string) bool {
	letters := func(s string) []byte { return slices.Sorted(slices.Values([]byte(s))) }
	return slices.Equal(letters(a), letters(b))
}

// lettered arranges an operand as batches of matrices: it has a dimension for each
// outer letter, then one for all letters of the rows together, and one for all of the
// columns.
func (b *builder) lettered(x *value, letters, outer, rows, cols string) *value {
	var perm, shape []int
	m, n := 1, 1
	for _, c := range outer + rows + cols {
		a := strings.IndexRune(letters, c)
		perm = append(perm, a)
		switch d := x.shape()[a]; {
		case strings.ContainsRune(outer, c):
			shape = append(shape, d)
		case strings.ContainsRune(rows, c):
			m *= d
		default:
			n *= d
		}
	}
	return b.shaped(b.viewed(x, x.view.permuted(perm)), append(shape, m, n))
}

// unlettered gives the product z the dimensions of the result.
func (b *builder) unlettered(z, x, y *value, first, second, letters, out string) *value {
	var shape, perm []int
	for _, c := range letters {
		if a := strings.IndexRune(first, c); a >= 0 {
			shape = append(shape, x.shape()[a])
		} else {
			shape = append(shape, y.shape()[strings.IndexRune(second, c)])
		}
	}
	for _, c := range out {
		perm = append(perm, strings.IndexRune(letters, c))
	}
	if z = b.shaped(z, shape); z == nil {
		return nil
	}
	return b.viewed(z, z.view.permuted(perm))
}

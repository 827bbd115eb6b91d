// Package bind hands compiled packages to gophernotes' interpreter: what a
// notebook may import is registered here, one generated file a package. The
// list is in ../gen.
package bind

import (
	"go/build"

	"github.com/cosmos72/gomacro/imports"
)

//go:generate go run ../gen .

// The interpreter's importer is older than generics and aliases, which it reads
// in the standard library's export data and fails on; without a GOROOT it makes
// do with reflection. Reflection sees promoted methods too: the names in Wrappers,
// which its own tables would have it remove, would shift its method numbers.
func init() {
	build.Default.GOROOT = ""
	for path, p := range imports.Packages {
		p.Wrappers = nil
		imports.Packages[path] = p
	}
}

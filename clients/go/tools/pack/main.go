// Pack writes the module one folder up as a Go module proxy would serve it, so that a program can
// use it as it will be published.
//
//	go -C clients/go/tools run ./pack FOLDER VERSION
//	GOPROXY=file://FOLDER,... GONOSUMDB=github.com/dalsegno go get ...
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: pack FOLDER VERSION")
	}
	if err := pack("..", os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

// pack writes the four files of a version: list, info, mod and zip.
func pack(source, folder, version string) error {
	definition, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return err
	}
	path := modfile.ModulePath(definition)
	served := filepath.Join(folder, filepath.FromSlash(path), "@v")
	if err := os.MkdirAll(served, 0o755); err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		"list":            []byte(version + "\n"),
		version + ".info": fmt.Appendf(nil, `{"Version":%q}`, version),
		version + ".mod":  definition,
	} {
		if err := os.WriteFile(filepath.Join(served, name), text, 0o644); err != nil {
			return err
		}
	}
	packed, err := os.Create(filepath.Join(served, version+".zip"))
	if err != nil {
		return err
	}
	if err := zip.CreateFromDir(packed, module.Version{Path: path, Version: version}, source); err != nil {
		return err
	}
	return packed.Close()
}

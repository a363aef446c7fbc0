// Package sample is what the samples share: the server they talk to, and JSON as it is printed.
package sample

import (
	"bytes"
	"encoding/json"
	"log"
	"os"

	"github.com/dalsegno/dalsegno/clients/go/dalsegno"
)

// Address is where the server is, as the environment says.
func Address() string {
	if address := os.Getenv("DALSEGNO_ADDRESS"); address != "" {
		return address
	}
	return dalsegno.DefaultTarget
}

// Compact is JSON without spaces, fields in the order they have. The program ends if there is none.
func Compact(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		log.Fatal(err)
	}
	return string(bytes.TrimSpace(text.Bytes()))
}

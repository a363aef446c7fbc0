// Package dalsegnov1 is the generated code of the protos of Dal Segno: messages, and the clients
// and servers of its services.
//
// Package dalsegno is what most programs want: it re-attaches streams, types errors, and keeps
// JSON exact.
package dalsegnov1

package main

import (
	"io"
	"log"
	"net"
	"sync"
	"sync/atomic"
)

// A wire is TCP between client and server that can be cut, as networks are.
type wire struct {
	server      string
	listener    net.Listener
	connections atomic.Int32 // accepted so far

	mutex sync.Mutex
	open  []net.Conn
}

func newWire(server string) (*wire, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{server: server, listener: listener}
	go w.accept()
	return w, nil
}

func (w *wire) address() string { return w.listener.Addr().String() }

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := net.Dial("tcp", w.server)
		if err != nil {
			log.Fatal(err)
		}
		w.connections.Add(1)
		w.mutex.Lock()
		w.open = append(w.open, client, server)
		w.mutex.Unlock()
		go pump(client, server)
		go pump(server, client)
	}
}

// pump copies until one of the two ends, and ends the other.
func pump(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}

func (w *wire) cut() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, connection := range w.open {
		_ = connection.Close()
	}
	w.open = nil
}

func (w *wire) close() {
	_ = w.listener.Close()
	w.cut()
}

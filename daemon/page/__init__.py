"""The page: a window for the browser on the folders under the root; it knows nothing that they do not say.

It is a process of its own (``python -m daemon.page``, see ``server``), which the daemon starts where ``page.listen``
is set. It changes nothing but by the functions that the command line uses, and imports nothing that decodes media.

How an area is added (see ``now`` for one that does all of this)
    * A module here with ``ROUTES: list[BaseRoute]`` and, for a place in the navigation, ``ENTRY = Entry("/log",
      "logs.nav")``; one line in ``AREAS`` of ``app`` makes it part of the page.
    * Words in ``words/<area>.toml``: ``[title]`` with ``en = "…"`` and ``zh = "…"`` is ``t("<area>.title")``; what is
      between braces in them is replaced: ``t("now.left", span="8 s")``. Add ``en_one`` where the English for ``n=1``
      differs. What all share is in ``words/page.toml``. A test wants every word in both languages, and used; a key put
      together at run time must begin with what is written out, up to a dot: ``t("now.stage." ~ stage, "?")``, where "?"
      is said if there is none.
    * Templates extend ``base.html`` and fill ``title``, ``main``, and ``head`` (for ``<link>`` and ``<script>``).
      In each: ``t``, ``language``, ``asset("now.js")`` (the address of a static file), ``csrf()`` (the hidden field
      that every POST form needs), ``span(seconds)``, ``size(bytes)``, ``when(iso)``, ``shown(name)`` (names of files
      and folders, always). All is escaped; there is no ``|safe``.
    * Static files: ``static/<area>.js`` and ``.css``; no script and no style inline, the browser would refuse them.
      Scripts send ``document.querySelector('meta[name="csrf"]').content`` as ``X-CSRF-Token``.

Where things are
    * ``/`` Now, ``/drop``, ``/history``, ``/jobs/ID`` the page of a job, wherever it is, ``/review``, ``/log``,
      ``/doctor``. What is done to a job from several areas is said once: ``now`` has ``/jobs/ID/cancel`` and
      ``/jobs/ID/priority``; a POST may bring ``next``, the path to go back to.
    * Streams (server-sent events) end when ``request.app.state.closing`` is set, or the page could not end.

What a handler has (``layout``)
    * ``house_of(request)`` is the ``House``: settings, journal, ``job(id)`` and ``file(filed, name)``, which find jobs
      and files in listings and so cannot be led astray. Never build a path from what a browser sent.
    * ``await form_of(request)`` gives what a form says. ``render(request, "now.html", **facts)`` answers with a page,
      ``back(request, "/path")`` after a POST; ``flash(request, "now.said.paused")`` says something at the top of the
      next page. Raise ``HTTPException(404)`` or any ``DaemonError``: both become a page in the right language (JSON to
      scripts that accept ``application/json``).
    * Anything that touches files goes through ``starlette.concurrency.run_in_threadpool``; or write the handler as a
      plain ``def``, which starlette runs in a thread.

``guard`` has looked at host, origin, session, CSRF token, size of the body and sets all headers, before and after an
area is asked; areas do nothing of that. A body is at most 1 MiB unless its path begins with one of the area's
``STREAMS``, which then counts for itself. Forms with files (multipart) send the token as header, or as
``?csrf={{ token() }}`` in their action. Answers are ``no-store`` unless they set ``Cache-Control`` themselves; one that
is ``public`` bears no cookie.
"""

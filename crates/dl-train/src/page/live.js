const events = new EventSource('events');
const lost = document.getElementById('lost');
events.onopen = () => { lost.hidden = true; };
events.onmessage = event => {
  const news = JSON.parse(event.data);
  document.title = news.title;
  for (const id of ['now', 'epochs']) {
    if (news[id] !== undefined) document.getElementById(id).innerHTML = news[id];
  }
  if (news.over) {
    // All is told: what comes after it, the end of the server among it, changes nothing.
    events.close();
    lost.hidden = true;
  }
};
events.onerror = () => { lost.hidden = false; };

"""Words that open a sentence: a capital there shows that the sentence before has ended.

Only words that are no part of a name are among them, so "M. Le Goff" and "Dr. No" stay whole.
"""

# ruff: noqa: RUF001  # Cyrillic letters and quotation marks look like Latin ones

from __future__ import annotations

import re
from functools import cache

_WORDS = {
    "en": """
        The This That These Those It He She We They You I His Her Its Our Their My In On At By From
        With Without But And Or So Yet When Then There Here Now If After Before Although Though
        While Because Since As For Until Once What Who Why How Where Which Nobody Everybody Nothing
        Everything However Later Still Perhaps Some Many Most Only Even Not
    """,
    "de": """
        Der Die Das Den Dem Des Er Sie Es Wir Ihr Ich Man Ein Eine Einen Einem Einer Aber Und Oder
        Doch Denn Da Dann Dort Hier Jetzt Nun Im In Am An Auf Aus Bei Nach Vor Mit Ohne Wenn Als
        Weil Obwohl So Was Wer Wie Wo Warum Danach Dennoch Trotzdem Dieser Diese Dieses Diesen
        Niemand Alle Seine Ihre Sein Mein Meine Unsere Auch Nur Nicht Später Heute Gestern Morgen
    """,
    "fr": """
        Il Elle Ils Elles Nous Vous On Je Tu Ce Cet Cette Ces Cela Mais Puis Alors Ensuite Quand
        Lorsque Comme Si Dans Pour Avec Sans Après Avant Son Sa Ses Leur Leurs Mon Ma Mes Un Une
        Personne Rien
    """,
    "es": """
        Él Ella Ellos Ellas Nosotros Yo Este Esta Estos Estas Ese Esa Esto Eso Pero Entonces Luego
        Después Cuando Como Si En Con Sin Para Por Su Sus Mi Nadie Nada No Y Un Una Ayer Hoy
    """,
    "it": """
        Egli Ella Lui Lei Loro Noi Io Questo Questa Questi Queste Quello Quella Ma Poi Allora Quando
        Come Se Nel Nella Con Senza Per Dopo Prima Suo Sua Nessuno Niente Non Un Una Ieri Oggi
    """,
    "pt": """
        Ele Ela Eles Elas Nós Eu Este Esta Estes Estas Esse Essa Isto Isso Mas Depois Então Quando
        Como Se Em No Na Nos Nas Com Sem Para Por Seu Sua Ninguém Nada Não Um Uma Ontem Hoje
    """,
    "pl": """
        On Ona Ono Oni Ja My To Ten Ta Te Ale Lecz Potem Wtedy Kiedy Gdy Jeśli Jak W Na Nad Pod
        Przed Po Bez Jego Jej Ich Nikt Nic Nie Wczoraj Dziś Tam Tu
    """,
    "ru": """
        Он Она Оно Они Мы Я Вы Это Этот Эта Эти Но А И Потом Затем Тогда Когда Если Как На Под Перед
        После Без Его Её Ее Их Никто Ничто Не Вчера Сегодня Там Здесь
    """,
    "uk": """
        Він Вона Воно Вони Ми Я Це Цей Ця Ці Але А І Потім Тоді Коли Якщо Як На Після Його Її Їх
        Ніхто Не Там Тут
    """,
    "nl": """
        Het Hij Zij Ze Wij We Ik Dit Dat Deze Die Maar Toen Daarna Daar Hier Nu Als Omdat In Op Aan
        Met Zonder Na Voor Zijn Haar Hun Mijn Niemand Niets Niet Een Gisteren Vandaag
    """,
    "cs": """
        On Ona Ono Oni My Já Ten Ta To Ti Ale Pak Potom Tehdy Když Jestli Jak V Ve Na Nad Pod Před
        Po Bez Jeho Její Jejich Nikdo Nic Ne Včera Dnes Tam Tady Byl Byla Bylo
    """,
    "sk": """
        On Ona Ono Oni My Ja Ten Tá To Ale Potom Vtedy Keď Ak Ako V Vo Na Nad Pod Pred Po Bez Jeho
        Jej Ich Nikto Nič Tam Tu
    """,
    "tr": """
        Bu Şu O Onlar Biz Ben Sen Siz Ama Fakat Ancak Sonra Çünkü Eğer Bir Onun Bunu Bunun Kimse Hiç
        Ne Dün Bugün Orada Burada Daha
    """,
    "hu": """
        A Az Ez Ezek Azok Ő Ők Mi Én De És Aztán Majd Akkor Amikor Ha Mert Hogy Egy Nem Senki Semmi
        Tegnap Ma Ott Itt Most
    """,
    "sv": """
        Den Det De Han Hon Vi Jag Ni Denna Detta Dessa Men Och Sedan Då När Om I På Under Efter Före
        Med Utan Hans Hennes Deras Ingen Inget Inte En Ett Igår Idag Där Här Nu
    """,
    "da": """
        Den Det De Han Hun Vi Jeg Denne Dette Disse Men Og Så Da Når Hvis I På Under Efter Før Med
        Uden Hans Hendes Deres Ingen Intet Ikke Et En Der Her Nu
    """,
    "no": """
        Den Det De Han Hun Vi Jeg Denne Dette Disse Men Og Så Da Når Hvis I På Under Etter Før Med
        Uten Hans Hennes Deres Ingen Ikke Et En Der Her Nå
    """,
    "fi": """
        Hän He Se Ne Me Minä Tämä Nämä Mutta Ja Sitten Kun Jos Koska Kuten Hänen Heidän Kukaan
        Mikään Ei Eilen Siellä Täällä Nyt
    """,
    "hr": """
        On Ona Ono Oni Mi Ja Taj Ta To Ali I Zatim Tada Kad Kada Ako Kako U Na Nad Pod Pred Po Bez
        Njegov Njezin Nitko Ništa Ne Jučer Danas Tamo Ovdje
    """,
}


_QUOTES = "“‘«‹„‚»›\"'([—– "


def opens_sentence(after: str, code: str) -> bool:
    """Whether the first word of `after` shows that a sentence begins with it."""
    return code in _WORDS and _openers(code).match(after.lstrip(_QUOTES)) is not None


@cache
def _openers(code: str) -> re.Pattern[str]:
    # Not where a full stop, a hyphen or more of the word follows: "A." is an initial, "In-house" is a name.
    return re.compile(rf"(?:{'|'.join(_WORDS[code].split())})(?:['’](?:s|d|m|ll|re|ve))?(?![\w.'’-])")

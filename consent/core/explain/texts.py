"""The sentences in which a decision is explained to a citizen, in each language that we can speak.

Every language has the same phrases with the same gaps; ``explain`` chooses among them and fills the gaps. They are written so
that nothing in a gap has to agree with what stands around it: titles come in quotation marks, lists after a colon. Whoever
adds a language adds one table.
"""

from __future__ import annotations

from typing import Final

Words = dict[str, str]
"""Phrases of one language by their keys; gaps stand in braces."""

ENGLISH: Final[Words] = {
    "quoted": "“{text}”",
    "decimal_point": ".",
    "and": " and ",
    # what leaves of somebody, by identity
    "tell.aggregate": (
        "Your readings of {what} leave only inside a figure about at least {group} participants, you included; "
        "nobody sees yours alone."
    ),
    "tell.aggregate-alone": (
        "Your readings of {what} leave only inside a figure, but it may be about you alone: "
        "no number of participants is required."
    ),
    "tell.per-record": (
        "Each of your readings of {what} leaves by itself, without a name and with nothing that links it to the next."
    ),
    "tell.per-epoch": "Each day one figure of {what} leaves about you, under a made-up name that is a different one every day.",
    "tell.stable": "Figures of {what} leave about you, under a made-up name that stays the same.",
    # what leaves of the city's own sensors
    "tell-public.aggregate": (
        "Readings of {what} from this sensor, which belongs to no household, leave only summed up in figures."
    ),
    "tell-public.per-record": "Readings of {what} from this sensor, which belongs to no household, leave one by one.",
    "tell-public.per-epoch": "Readings of {what} from this sensor, which belongs to no household, leave as one figure a day.",
    "tell-public.stable": "Readings of {what} from this sensor, which belongs to no household, leave under its own name.",
    "how": "Time is told {time}, place {space}, and the value {precision}.",
    "to": "It goes to {recipient}, for the purpose {purpose}, and may be kept for {days}.",
    "to-all": "It goes to {recipient} as open data that anyone may read, for the purpose {purpose}, and may be kept for {days}.",
    "why": "Why: {why}",
    # levels and amounts
    "identity.none": "nothing",
    "identity.aggregate": "only in joint figures",
    "identity.per-record": "single readings",
    "identity.per-epoch": "one figure a day",
    "identity.stable": "under one name",
    "time.none": "not at all",
    "time.day": "by the day",
    "time.4h": "in stretches of four hours",
    "time.1h": "by the hour",
    "time.15min": "by the quarter of an hour",
    "time.1min": "by the minute",
    "time.exact": "to the moment",
    "space.none": "not at all",
    "space.city": "by the city ({place})",
    "space.district": "by the district ({place})",
    "space.block": "by the block ({place})",
    "space.exact": "exactly ({place})",
    "precision": "in steps of {step}",
    "precision.count": "as a plain count",
    "group": "at least {n}",
    "retention": "{n} days",
    "retention.one": "1 day",
    "budget": "ε {amount} a day",
    "budget.none": "no noise",
    # the axes, as labels
    "axis.identity": "What",
    "axis.time": "Time",
    "axis.space": "Place",
    "axis.precision": "Value of {what}",
    "axis.group": "Participants",
    "axis.retention": "Kept for",
    "axis.budget": "Random noise",
    # who sets a limit
    "holder.ask": "what this use of data asks for",
    "holder.ceiling": "the city's limit",
    "holder.neighbourhood": "the limit of the neighbourhood {title}",
    "holder.class-cap": "the limit for sensors of the kind {title}",
    "holder.own": "your own answer",
    "holder.other": "another resident's answer",
    "holder.resident": "a resident's answer",
    "holder.nobody": "nobody",
    "limited": "{value}, held by {holders}",
    "more": "More would leave only if the following changed: {holders}.",
    "more.unbounded": "Nobody limits this.",
    # that nothing leaves, and why
    "nothing": "Nothing about you leaves for {flow}.",
    "nothing-public": "Nothing leaves from this sensor for {flow}.",
    "answer.own": "Your own answer",
    "answer.other": "Another resident's answer",
    "answer.resident": "A resident's answer",
    "reason.no-consent": "{answer} has not been given.",
    "reason.requested": "{answer} has been asked for and is still awaited.",
    "reason.refused": "{answer} is no.",
    "reason.withdrawn": "{answer} was yes and has been taken back.",
    "reason.paused": "{answer} is paused.",
    "reason.expired": "{answer} has run out.",
    "reason.invalidated": "{answer} was yes and ended when the terms changed or the gateway was restored.",
    "reason.revoked": "{answer} has been ended by an authority.",
    "reason.no-residents": "Nobody is entered for the household who could give an answer.",
    "reason.limits": "There are limits that do not permit it: {holders}.",
    "reason.not-aggregable": (
        "Only joint figures are permitted, and this use of data takes single readings, of which none is made."
    ),
    "reason.no-subject-consent": (
        "This sensor belongs to no household, and this use of data takes only readings of people who have said yes."
    ),
    "reason.has-subject": "This use of data takes only readings of the city's own sensors, never those of a household.",
    "reason.unknown-flow": "The city's rules name no such use of data, and what they do not name never leaves.",
    "reason.unknown-zone": "The city's rules do not name the place of this sensor, and what they do not name never leaves.",
    "reason.unknown-class": "The city's rules do not name this kind of sensor, and what they do not name never leaves.",
    "reason.not-measured": "This sensor is not read for anything that this use of data asks for.",
    "reason.no-noise": "Random noise is demanded for it, and none can be added yet.",
    "reason.no-recipient": "The city's rules no longer name anyone who may receive it.",
    "until-yes": "That stays so until every resident has said yes.",
    "until-limits": "Only those who set a limit can change it.",
    "until-rules": "Only a change in the city's rules could alter that.",
}

SPANISH: Final[Words] = {
    "quoted": "«{text}»",
    "decimal_point": ",",
    "and": " y ",
    "tell.aggregate": (
        "Sus lecturas de {what} solo salen integradas en una cifra conjunta de al menos {group} participantes, "
        "entre ellos usted; nadie ve las suyas por separado."
    ),
    "tell.aggregate-alone": (
        "Sus lecturas de {what} solo salen integradas en una cifra, pero esta puede referirse únicamente a usted: "
        "no se exige un número mínimo de participantes."
    ),
    "tell.per-record": (
        "Cada una de sus lecturas de {what} sale por separado, sin nombre y sin nada que la relacione con la siguiente."
    ),
    "tell.per-epoch": "Cada día sale una cifra de {what} sobre usted, con un seudónimo que cambia de un día a otro.",
    "tell.stable": "Salen cifras de {what} sobre usted, con un seudónimo que no cambia.",
    "tell-public.aggregate": (
        "Las lecturas de {what} de este sensor, que no pertenece a ningún hogar, solo salen resumidas en cifras."
    ),
    "tell-public.per-record": "Las lecturas de {what} de este sensor, que no pertenece a ningún hogar, salen una por una.",
    "tell-public.per-epoch": (
        "Las lecturas de {what} de este sensor, que no pertenece a ningún hogar, salen resumidas en una cifra al día."
    ),
    "tell-public.stable": "Las lecturas de {what} de este sensor, que no pertenece a ningún hogar, salen con su propio nombre.",
    "how": "El momento se indica {time}; el lugar, {space}; y el valor, {precision}.",
    "to": "Lo recibe {recipient}, con la finalidad {purpose}, y puede conservarlo durante {days}.",
    "to-all": (
        "Lo recibe {recipient} como datos abiertos que cualquiera puede leer, con la finalidad {purpose}, "
        "y puede conservarlo durante {days}."
    ),
    "why": "Motivo: {why}",
    "identity.none": "nada",
    "identity.aggregate": "solo en cifras conjuntas",
    "identity.per-record": "lecturas sueltas",
    "identity.per-epoch": "una cifra al día",
    "identity.stable": "con un mismo nombre",
    "time.none": "de ningún modo",
    "time.day": "por días",
    "time.4h": "en tramos de cuatro horas",
    "time.1h": "por horas",
    "time.15min": "por cuartos de hora",
    "time.1min": "por minutos",
    "time.exact": "con exactitud",
    "space.none": "de ningún modo",
    "space.city": "por ciudad ({place})",
    "space.district": "por distrito ({place})",
    "space.block": "por manzana ({place})",
    "space.exact": "con exactitud ({place})",
    "precision": "en pasos de {step}",
    "precision.count": "como simple recuento",
    "group": "al menos {n}",
    "retention": "{n} días",
    "retention.one": "1 día",
    "budget": "ε {amount} al día",
    "budget.none": "sin ruido",
    "axis.identity": "Qué",
    "axis.time": "Momento",
    "axis.space": "Lugar",
    "axis.precision": "Valor de {what}",
    "axis.group": "Participantes",
    "axis.retention": "Se conserva",
    "axis.budget": "Ruido aleatorio",
    "holder.ask": "lo que pide este uso de datos",
    "holder.ceiling": "el límite de la ciudad",
    "holder.neighbourhood": "el límite del barrio {title}",
    "holder.class-cap": "el límite para sensores del tipo {title}",
    "holder.own": "su propia respuesta",
    "holder.other": "la respuesta de otra persona residente",
    "holder.resident": "la respuesta de una persona residente",
    "holder.nobody": "nadie",
    "limited": "{value}; lo limita: {holders}",
    "more": "Solo saldría más si cambiara lo siguiente: {holders}.",
    "more.unbounded": "Nadie limita esto.",
    "nothing": "No sale ningún dato suyo para {flow}.",
    "nothing-public": "No sale ningún dato de este sensor para {flow}.",
    "answer.own": "Su propia respuesta",
    "answer.other": "La respuesta de otra persona residente",
    "answer.resident": "La respuesta de una persona residente",
    "reason.no-consent": "{answer} todavía no consta.",
    "reason.requested": "{answer} se ha solicitado y todavía no ha llegado.",
    "reason.refused": "{answer} es no.",
    "reason.withdrawn": "{answer} era sí y se ha retirado.",
    "reason.paused": "{answer} está en pausa.",
    "reason.expired": "{answer} ha caducado.",
    "reason.invalidated": "{answer} era sí y terminó al cambiar las condiciones o al restaurarse el sistema.",
    "reason.revoked": "{answer} ha sido anulada por una autoridad.",
    "reason.no-residents": "No consta en el hogar ninguna persona que pueda responder.",
    "reason.limits": "Hay límites que no lo permiten: {holders}.",
    "reason.not-aggregable": (
        "Solo se permiten cifras conjuntas, y este uso de datos toma lecturas sueltas, con las que no se forma ninguna."
    ),
    "reason.no-subject-consent": (
        "Este sensor no pertenece a ningún hogar, y este uso de datos solo toma lecturas de personas que han dicho que sí."
    ),
    "reason.has-subject": "Este uso de datos solo toma lecturas de los sensores propios de la ciudad, nunca las de un hogar.",
    "reason.unknown-flow": "Las normas de la ciudad no mencionan este uso de datos, y lo que no mencionan nunca sale.",
    "reason.unknown-zone": "Las normas de la ciudad no mencionan el lugar de este sensor, y lo que no mencionan nunca sale.",
    "reason.unknown-class": "Las normas de la ciudad no mencionan este tipo de sensor, y lo que no mencionan nunca sale.",
    "reason.not-measured": "De este sensor no se lee nada de lo que pide este uso de datos.",
    "reason.no-noise": "Se exige añadirle ruido aleatorio, y todavía no se puede añadir.",
    "reason.no-recipient": "Las normas de la ciudad ya no mencionan a nadie que pueda recibirlo.",
    "until-yes": "Seguirá así mientras no hayan dicho que sí todas las personas residentes.",
    "until-limits": "Un límite solo puede cambiarlo quien lo ha fijado.",
    "until-rules": "Solo un cambio en las normas de la ciudad podría modificarlo.",
}

PORTUGUESE: Final[Words] = {
    "quoted": "«{text}»",
    "decimal_point": ",",
    "and": " e ",
    "tell.aggregate": (
        "As suas leituras de {what} só saem integradas num valor conjunto de, pelo menos, {group} participantes, "
        "a contar consigo; ninguém vê as suas em separado."
    ),
    "tell.aggregate-alone": (
        "As suas leituras de {what} só saem integradas num valor, mas este pode dizer respeito apenas a si: "
        "não se exige um número mínimo de participantes."
    ),
    "tell.per-record": "Cada uma das suas leituras de {what} sai em separado, sem nome e sem nada que a ligue à seguinte.",
    "tell.per-epoch": "Todos os dias sai um valor de {what} a seu respeito, com um pseudónimo que muda de dia para dia.",
    "tell.stable": "Saem valores de {what} a seu respeito, com um pseudónimo que não muda.",
    "tell-public.aggregate": (
        "As leituras de {what} deste sensor, que não pertence a nenhuma casa, só saem resumidas em valores."
    ),
    "tell-public.per-record": "As leituras de {what} deste sensor, que não pertence a nenhuma casa, saem uma a uma.",
    "tell-public.per-epoch": (
        "As leituras de {what} deste sensor, que não pertence a nenhuma casa, saem resumidas num valor por dia."
    ),
    "tell-public.stable": ("As leituras de {what} deste sensor, que não pertence a nenhuma casa, saem com o seu próprio nome."),
    "how": "O momento é indicado {time}; o lugar, {space}; e o valor, {precision}.",
    "to": "Quem o recebe é {recipient}, com a finalidade {purpose}, e pode conservá-lo durante {days}.",
    "to-all": (
        "Quem o recebe é {recipient}, como dados abertos que qualquer pessoa pode ler, com a finalidade {purpose}, "
        "e pode conservá-lo durante {days}."
    ),
    "why": "Motivo: {why}",
    "identity.none": "nada",
    "identity.aggregate": "só em valores conjuntos",
    "identity.per-record": "leituras avulsas",
    "identity.per-epoch": "um valor por dia",
    "identity.stable": "com um mesmo nome",
    "time.none": "de modo nenhum",
    "time.day": "por dias",
    "time.4h": "em períodos de quatro horas",
    "time.1h": "por horas",
    "time.15min": "por quartos de hora",
    "time.1min": "por minutos",
    "time.exact": "com exatidão",
    "space.none": "de modo nenhum",
    "space.city": "por cidade ({place})",
    "space.district": "por zona da cidade ({place})",
    "space.block": "por quarteirão ({place})",
    "space.exact": "com exatidão ({place})",
    "precision": "em passos de {step}",
    "precision.count": "como simples contagem",
    "group": "pelo menos {n}",
    "retention": "{n} dias",
    "retention.one": "1 dia",
    "budget": "ε {amount} por dia",
    "budget.none": "sem ruído",
    "axis.identity": "O quê",
    "axis.time": "Momento",
    "axis.space": "Lugar",
    "axis.precision": "Valor de {what}",
    "axis.group": "Participantes",
    "axis.retention": "Conserva-se",
    "axis.budget": "Ruído aleatório",
    "holder.ask": "o que esta utilização de dados pede",
    "holder.ceiling": "o limite da cidade",
    "holder.neighbourhood": "o limite do bairro {title}",
    "holder.class-cap": "o limite para sensores do tipo {title}",
    "holder.own": "a sua própria resposta",
    "holder.other": "a resposta de outra pessoa residente",
    "holder.resident": "a resposta de uma pessoa residente",
    "holder.nobody": "ninguém",
    "limited": "{value}; limita-o: {holders}",
    "more": "Só sairia mais se mudasse o seguinte: {holders}.",
    "more.unbounded": "Ninguém limita isto.",
    "nothing": "Não sai nenhum dado seu para {flow}.",
    "nothing-public": "Não sai nenhum dado deste sensor para {flow}.",
    "answer.own": "A sua própria resposta",
    "answer.other": "A resposta de outra pessoa residente",
    "answer.resident": "A resposta de uma pessoa residente",
    "reason.no-consent": "{answer} ainda não consta.",
    "reason.requested": "{answer} foi pedida e ainda não chegou.",
    "reason.refused": "{answer} é não.",
    "reason.withdrawn": "{answer} era sim e foi retirada.",
    "reason.paused": "{answer} está em pausa.",
    "reason.expired": "{answer} caducou.",
    "reason.invalidated": "{answer} era sim e terminou quando as condições mudaram ou o sistema foi reposto.",
    "reason.revoked": "{answer} foi anulada por uma autoridade.",
    "reason.no-residents": "Não consta na casa nenhuma pessoa que possa responder.",
    "reason.limits": "Há limites que não o permitem: {holders}.",
    "reason.not-aggregable": (
        "Só se permitem valores conjuntos, e esta utilização de dados recolhe leituras avulsas, com as quais não se forma nenhum."
    ),
    "reason.no-subject-consent": (
        "Este sensor não pertence a nenhuma casa, e esta utilização de dados só recolhe leituras de pessoas que disseram que sim."
    ),
    "reason.has-subject": ("Esta utilização de dados só recolhe leituras dos sensores da própria cidade, nunca as de uma casa."),
    "reason.unknown-flow": "As regras da cidade não referem esta utilização de dados, e o que não referem nunca sai.",
    "reason.unknown-zone": "As regras da cidade não referem o lugar deste sensor, e o que não referem nunca sai.",
    "reason.unknown-class": "As regras da cidade não referem este tipo de sensor, e o que não referem nunca sai.",
    "reason.not-measured": "Deste sensor não se lê nada do que esta utilização de dados pede.",
    "reason.no-noise": "Exige-se que lhe seja acrescentado ruído aleatório, e ainda não é possível acrescentá-lo.",
    "reason.no-recipient": "As regras da cidade já não referem ninguém que o possa receber.",
    "until-yes": "Assim será enquanto não tiverem dito que sim todas as pessoas residentes.",
    "until-limits": "Um limite só pode ser alterado por quem o fixou.",
    "until-rules": "Só uma alteração das regras da cidade o poderia mudar.",
}

WORDS: Final[dict[str, Words]] = {"en": ENGLISH, "es": SPANISH, "pt": PORTUGUESE}
"""The languages, by code."""

UNITS: Final = {"kW.h": "kWh", "W.h": "Wh", "Cel": "°C", "ug/m3": "µg/m³", "mg/m3": "mg/m³", "1": "", "m3": "m³", "L": "l"}
"""How people write the units whose UCUM code they would not; any other is written as its code."""

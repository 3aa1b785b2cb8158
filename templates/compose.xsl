<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><xsl:call-template name="heading"/></xsl:template>

<xsl:template name="heading">
  <xsl:choose>
    <xsl:when test="/page/compose/@reply != ''"><w:t id="compose.reply"/></xsl:when>
    <xsl:otherwise><w:t id="compose.title"/></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="compose">
    <div class="sheet">
      <h1><xsl:call-template name="heading"/></h1>
      <xsl:if test="@problem">
        <p class="problem" id="problem" role="alert">
          <xsl:choose>
            <xsl:when test="@problem = 'to'"><w:t id="problem.to"/></xsl:when>
            <xsl:when test="@problem = 'people'"><w:t id="problem.people"/></xsl:when>
            <xsl:when test="@problem = 'recipient' and @guest"><w:t id="problem.recipient-guest" bad="@bad" tenant="/page/@tenant"/></xsl:when>
            <xsl:when test="@problem = 'recipient'"><w:t id="problem.recipient" bad="@bad"/></xsl:when>
            <xsl:when test="@problem = 'subject'"><w:t id="problem.subject"/></xsl:when>
            <xsl:when test="@problem = 'text'"><w:t id="problem.text"/></xsl:when>
            <xsl:when test="@problem = 'empty'"><w:t id="problem.empty"/></xsl:when>
            <xsl:when test="@problem = 'size'"><w:t id="problem.size" most="@most"/></xsl:when>
            <xsl:when test="@problem = 'count'"><w:t id="problem.count"/></xsl:when>
            <xsl:when test="@problem = 'reply'"><w:t id="problem.reply"/></xsl:when>
            <xsl:otherwise><w:t id="problem.files"/></xsl:otherwise>
          </xsl:choose>
          <xsl:text> </xsl:text><w:t id="compose.kept"/>
        </p>
      </xsl:if>
      <form method="post" action="/compose" enctype="multipart/form-data">
        <xsl:call-template name="csrf"/>
        <input type="hidden" name="form" value="{@form}"/>
        <xsl:if test="@reply != ''"><input type="hidden" name="reply" value="{@reply}"/></xsl:if>
        <div class="field">
          <label for="to"><w:t id="form.to"/></label>
          <xsl:if test="@reply = ''">
            <p class="hint" id="to-hint">
              <xsl:choose>
                <xsl:when test="@guest"><w:t id="compose.to-guest" tenant="/page/@tenant"/></xsl:when>
                <xsl:otherwise><w:t id="compose.to-hint"/></xsl:otherwise>
              </xsl:choose>
            </p>
          </xsl:if>
          <input id="to" name="to" type="text" inputmode="email" autocomplete="off" autocapitalize="none" spellcheck="false" required="required" value="{@to}">
            <xsl:if test="@reply = ''"><xsl:attribute name="aria-describedby">to-hint</xsl:attribute></xsl:if>
            <xsl:if test="@problem = 'to' or @problem = 'people' or @problem = 'recipient'"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
          </input>
        </div>
        <div class="field">
          <label for="subject"><w:t id="form.subject"/></label>
          <input id="subject" name="subject" type="text" autocomplete="off" maxlength="900" dir="auto" value="{subject}">
            <xsl:if test="@problem = 'subject'"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
          </input>
        </div>
        <div class="field">
          <label for="body"><w:t id="form.body"/></label>
          <textarea id="body" name="body" rows="12" dir="auto">
            <xsl:if test="@problem = 'text' or @problem = 'empty'"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
            <xsl:value-of select="body"/>
          </textarea>
        </div>
        <div class="field">
          <label for="files"><w:t id="form.files"/><xsl:text> </xsl:text><small><w:t id="form.optional"/></small></label>
          <p class="hint" id="files-hint"><w:t id="compose.files-hint" most="@most"/></p>
          <input id="files" name="files" type="file" multiple="multiple" aria-describedby="files-hint">
            <xsl:if test="@problem = 'size' or @problem = 'count' or @problem = 'files'"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
          </input>
        </div>
        <div class="row">
          <button class="btn" type="submit"><w:t id="compose.send"/></button>
          <span class="quiet"><w:t id="compose.sealed" tenant="/page/@tenant"/></span>
        </div>
      </form>
    </div>
  </xsl:for-each>
</xsl:template>

</xsl:stylesheet>
